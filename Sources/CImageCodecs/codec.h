// Shared by the codecs: little-endian reads, error messages, and CMYK conversion.
#ifndef LAB_CODEC_H
#define LAB_CODEC_H

#include <stdio.h>

#include "CImageCodecs.h"

static inline unsigned lab_u16(const uint8_t *at) { return at[0] | (unsigned)at[1] << 8; }

static inline uint32_t lab_u32(const uint8_t *at) {
  return lab_u16(at) | (uint32_t)lab_u16(at + 2) << 16;
}

// Writes `text` as the message and returns `status`.
static inline int lab_refuse(char *message, int status, const char *text) {
  snprintf(message, LAB_CODEC_MESSAGE, "%s", text);
  return status;
}

static inline int lab_cut_short(char *message) {
  return lab_refuse(message, LAB_CODEC_TRUNCATED, "the file ends before the picture does");
}

// Pillow's MULDIV255: a * b / 255, rounded.
static inline int lab_scaled(int a, int b) {
  int product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

// Converts CMYK (255 is full ink) to RGB. Pillow: cmyk2rgb in Convert.c.
static inline void lab_ink_to_rgb(const uint8_t *ink, uint8_t *rgb) {
  int light = 255 - ink[3];
  for (int c = 0; c < 3; c++) {
    int value = light - lab_scaled(ink[c], light);
    rgb[c] = (uint8_t)(value < 0 ? 0 : value);
  }
}

#endif
