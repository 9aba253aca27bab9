// Decodes image files in memory to 8-bit RGB. libpng and libjpeg report errors by longjmp, which
// must never cross Swift stack frames: every jump starts and ends in C.
#ifndef CIMAGECODECS_H
#define CIMAGECODECS_H

#include <stddef.h>
#include <stdint.h>

enum {
  LAB_CODEC_OK = 0,
  LAB_CODEC_FAILED = 1,     // the library reported an error: see the message
  LAB_CODEC_TRUNCATED = 2,  // the file ends before the image does
  LAB_CODEC_DAMAGED = 3,    // image data is missing or invalid: see the message
};

// The size of a message buffer, including the terminating zero.
#define LAB_CODEC_MESSAGE 256

typedef struct {
  int width;
  int height;
} lab_picture_size;

// A JPEG decompressor, reused from file to file; not thread-safe.
typedef struct lab_jpeg lab_jpeg;

lab_jpeg *lab_jpeg_create(void);
void lab_jpeg_destroy(lab_jpeg *jpeg);

// Why the last call on `jpeg` failed; valid until the next call.
const char *lab_jpeg_message(const lab_jpeg *jpeg);

// Reads the header. `bytes` must remain valid until lab_jpeg_decode returns.
int lab_jpeg_header(lab_jpeg *jpeg, const uint8_t *bytes, size_t count, lab_picture_size *size);

// Decodes the image to packed RGB (3 * width * height bytes). Gray is replicated; four components
// are taken as inverted CMYK, as Adobe writes it, and converted as Pillow does.
int lab_jpeg_decode(lab_jpeg *jpeg, uint8_t *pixels);

// Reads the header of a PNG.
int lab_png_header(
    const uint8_t *bytes, size_t count, lab_picture_size *size, char *message);

// Decodes a PNG to packed RGB (3 * width * height bytes): gray is replicated, palettes are looked
// up, alpha is dropped, and gamma is ignored. Of 16-bit colors the high byte is kept; 16-bit gray
// is clipped to 255.
int lab_png_decode(const uint8_t *bytes, size_t count, uint8_t *pixels, char *message);

// The other formats, in the same way; only the first image of a file is decoded. BMP and GIF have
// decoders here; WebP uses libwebp, TIFF libtiff.
int lab_bmp_header(const uint8_t *bytes, size_t count, lab_picture_size *size, char *message);
int lab_bmp_decode(const uint8_t *bytes, size_t count, uint8_t *pixels, char *message);
int lab_gif_header(const uint8_t *bytes, size_t count, lab_picture_size *size, char *message);
int lab_gif_decode(const uint8_t *bytes, size_t count, uint8_t *pixels, char *message);
int lab_tiff_header(const uint8_t *bytes, size_t count, lab_picture_size *size, char *message);
int lab_tiff_decode(const uint8_t *bytes, size_t count, uint8_t *pixels, char *message);
int lab_webp_header(const uint8_t *bytes, size_t count, lab_picture_size *size, char *message);
int lab_webp_decode(const uint8_t *bytes, size_t count, uint8_t *pixels, char *message);

#endif
