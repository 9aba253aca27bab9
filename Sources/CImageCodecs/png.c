#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "CImageCodecs.h"

// The state of the callbacks; lives in the stack frame that called setjmp.
typedef struct {
  const uint8_t *bytes;
  size_t count;
  size_t position;
  int status;
  char *message;
} reader;

static void fail(png_structp png, png_const_charp text) {
  reader *source = png_get_error_ptr(png);
  if (source->status == LAB_CODEC_OK) source->status = LAB_CODEC_FAILED;
  snprintf(source->message, LAB_CODEC_MESSAGE, "%s", text);
  png_longjmp(png, 1);
}

// libpng's warnings concern ancillary chunks only; missing image data is an error.
static void stay_silent(png_structp png, png_const_charp text) {
  (void)png;
  (void)text;
}

static void read_bytes(png_structp png, png_bytep out, size_t count) {
  reader *source = png_get_io_ptr(png);
  if (count > source->count - source->position) {
    source->status = LAB_CODEC_TRUNCATED;
    png_error(png, "the file ends before the picture does");
  }
  memcpy(out, source->bytes + source->position, count);
  source->position += count;
}

static png_structp begin(reader *source) {
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, source, fail, stay_silent);
  if (!png) {
    source->status = LAB_CODEC_FAILED;
    snprintf(source->message, LAB_CODEC_MESSAGE, "libpng could not be initialized");
    return NULL;
  }
  png_set_read_fn(png, source, read_bytes);
  return png;
}

int lab_png_header(
    const uint8_t *bytes, size_t count, lab_picture_size *size, char *message) {
  reader source = {bytes, count, 0, LAB_CODEC_OK, message};
  png_structp png = begin(&source);
  if (!png) return source.status;
  png_infop info = png_create_info_struct(png);
  if (!info || setjmp(png_jmpbuf(png))) {
    png_destroy_read_struct(&png, info ? &info : NULL, NULL);
    return source.status ? source.status : LAB_CODEC_FAILED;
  }
  png_read_info(png, info);
  size->width = (int)png_get_image_width(png, info);
  size->height = (int)png_get_image_height(png, info);
  png_destroy_read_struct(&png, &info, NULL);
  return LAB_CODEC_OK;
}

// Pillow's convert("RGB") of 16-bit gray, which clips values to 255. `pixels` contains the samples,
// high byte first, at its start and is expanded to RGB in place: from the end, because each pixel
// moves to a higher address.
static void clip_gray16(uint8_t *pixels, size_t count) {
  for (size_t i = count; i-- > 0;) {
    uint8_t value = pixels[2 * i] ? 255 : pixels[2 * i + 1];
    pixels[3 * i] = pixels[3 * i + 1] = pixels[3 * i + 2] = value;
  }
}

int lab_png_decode(const uint8_t *bytes, size_t count, uint8_t *pixels, char *message) {
  reader source = {bytes, count, 0, LAB_CODEC_OK, message};
  png_structp png = begin(&source);
  if (!png) return source.status;
  png_infop info = png_create_info_struct(png);
  if (!info || setjmp(png_jmpbuf(png))) {
    png_destroy_read_struct(&png, info ? &info : NULL, NULL);
    return source.status ? source.status : LAB_CODEC_FAILED;
  }
  png_read_info(png, info);
  int is_gray16 = png_get_color_type(png, info) == PNG_COLOR_TYPE_GRAY
      && png_get_bit_depth(png, info) == 16;
  if (!is_gray16) {
    png_set_strip_16(png);
    png_set_gray_to_rgb(png);
  }
  png_set_expand_gray_1_2_4_to_8(png);
  png_set_palette_to_rgb(png);
  png_set_strip_alpha(png);
  int passes = png_set_interlace_handling(png);
  png_read_update_info(png, info);
  size_t stride = (size_t)(is_gray16 ? 2 : 3) * png_get_image_width(png, info);
  if (png_get_rowbytes(png, info) != stride) png_error(png, "the pixels do not come out as RGB");
  png_uint_32 height = png_get_image_height(png, info);
  for (int pass = 0; pass < passes; pass++) {
    for (png_uint_32 y = 0; y < height; y++) png_read_row(png, pixels + stride * y, NULL);
  }
  png_read_end(png, NULL);
  if (is_gray16) clip_gray16(pixels, (size_t)png_get_image_width(png, info) * height);
  png_destroy_read_struct(&png, &info, NULL);
  return LAB_CODEC_OK;
}
