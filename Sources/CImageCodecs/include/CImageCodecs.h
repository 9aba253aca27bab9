// PNG and JPEG from memory to 8-bit RGB. Both libraries report errors by longjmp, which Swift code
// must never be on the stack of: here every jump starts and ends in C.
#ifndef CIMAGECODECS_H
#define CIMAGECODECS_H

#include <stddef.h>
#include <stdint.h>

enum {
  LAB_CODEC_OK = 0,
  LAB_CODEC_FAILED = 1,     // the library gave up: message says why
  LAB_CODEC_TRUNCATED = 2,  // the file ends before its picture does
  LAB_CODEC_DAMAGED = 3,    // picture data are lost: message holds the first such warning
};

// Longest message, with its closing zero.
#define LAB_CODEC_MESSAGE 256

typedef struct {
  int width;
  int height;
} lab_picture_size;

// A JPEG decompressor, reused from file to file; not for two threads at once.
typedef struct lab_jpeg lab_jpeg;

lab_jpeg *lab_jpeg_create(void);
void lab_jpeg_destroy(lab_jpeg *jpeg);

// Why the last call on `jpeg` failed; valid until the next call.
const char *lab_jpeg_message(const lab_jpeg *jpeg);

// Reads the header. `bytes` must stay in place until lab_jpeg_decode returns.
int lab_jpeg_header(lab_jpeg *jpeg, const uint8_t *bytes, size_t count, lab_picture_size *size);

// Writes the picture, packed RGB (3 * width * height bytes). Grey is replicated; four components
// are taken as inverted CMYK, as Adobe writes them, and converted as Pillow does.
int lab_jpeg_decode(lab_jpeg *jpeg, uint8_t *pixels);

// Reads a PNG's header.
int lab_png_header(
    const uint8_t *bytes, size_t count, lab_picture_size *size, char *message);

// Decodes a PNG whole to packed RGB (3 * width * height bytes): grey replicated, palette looked up,
// alpha dropped, 16 bits to their high byte, of grey alone to at most 255, gamma ignored.
int lab_png_decode(const uint8_t *bytes, size_t count, uint8_t *pixels, char *message);

// The other formats, each as PNG: the header's size, then the first picture whole as packed RGB.
// BMP and GIF are read here; WebP by libwebp, TIFF by libtiff.
int lab_bmp_header(const uint8_t *bytes, size_t count, lab_picture_size *size, char *message);
int lab_bmp_decode(const uint8_t *bytes, size_t count, uint8_t *pixels, char *message);
int lab_gif_header(const uint8_t *bytes, size_t count, lab_picture_size *size, char *message);
int lab_gif_decode(const uint8_t *bytes, size_t count, uint8_t *pixels, char *message);
int lab_tiff_header(const uint8_t *bytes, size_t count, lab_picture_size *size, char *message);
int lab_tiff_decode(const uint8_t *bytes, size_t count, uint8_t *pixels, char *message);
int lab_webp_header(const uint8_t *bytes, size_t count, lab_picture_size *size, char *message);
int lab_webp_decode(const uint8_t *bytes, size_t count, uint8_t *pixels, char *message);

#endif
