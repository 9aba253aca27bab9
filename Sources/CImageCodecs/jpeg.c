#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "codec.h"

struct lab_jpeg {
  struct jpeg_decompress_struct info;
  struct jpeg_error_mgr errors;
  jmp_buf escape;
  int status;
  char message[LAB_CODEC_MESSAGE > JMSG_LENGTH_MAX ? LAB_CODEC_MESSAGE : JMSG_LENGTH_MAX];
};

static void fail(j_common_ptr info) {
  lab_jpeg *jpeg = info->client_data;
  jpeg->status = LAB_CODEC_FAILED;
  info->err->format_message(info, jpeg->message);
  longjmp(jpeg->escape, 1);
}

// Warnings that do not affect the pixels.
static int is_harmless(int code) {
  switch (code) {
    case JWRN_ADOBE_XFORM:
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_JFIF_MAJOR:
    case JWRN_NOT_SEQUENTIAL:
    case JWRN_BOGUS_ICC:
      return 1;
    default:
      return 0;
  }
}

// libjpeg fills missing data with gray and only warns; here, this ends the decoding.
static void warn(j_common_ptr info, int level) {
  if (level >= 0 || is_harmless(info->err->msg_code)) return;
  lab_jpeg *jpeg = info->client_data;
  int code = info->err->msg_code;
  int truncated = code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER;
  jpeg->status = truncated ? LAB_CODEC_TRUNCATED : LAB_CODEC_DAMAGED;
  info->err->format_message(info, jpeg->message);
  longjmp(jpeg->escape, 1);
}

static void stay_silent(j_common_ptr info) { (void)info; }

lab_jpeg *lab_jpeg_create(void) {
  lab_jpeg *jpeg = calloc(1, sizeof *jpeg);
  if (!jpeg) return NULL;
  jpeg->info.err = jpeg_std_error(&jpeg->errors);
  jpeg->errors.error_exit = fail;
  jpeg->errors.emit_message = warn;
  jpeg->errors.output_message = stay_silent;
  jpeg->info.client_data = jpeg;
  if (setjmp(jpeg->escape)) {
    free(jpeg);
    return NULL;
  }
  jpeg_create_decompress(&jpeg->info);
  jpeg->info.client_data = jpeg;
  return jpeg;
}

void lab_jpeg_destroy(lab_jpeg *jpeg) {
  if (!jpeg) return;
  jpeg_destroy_decompress(&jpeg->info);
  free(jpeg);
}

const char *lab_jpeg_message(const lab_jpeg *jpeg) { return jpeg->message; }

static int give_up(lab_jpeg *jpeg) {
  jpeg_abort_decompress(&jpeg->info);
  return jpeg->status;
}

int lab_jpeg_header(lab_jpeg *jpeg, const uint8_t *bytes, size_t count, lab_picture_size *size) {
  struct jpeg_decompress_struct *info = &jpeg->info;
  jpeg->status = LAB_CODEC_OK;
  jpeg->message[0] = 0;
  if (setjmp(jpeg->escape)) return give_up(jpeg);
  jpeg_abort_decompress(info);
  jpeg_mem_src(info, bytes, count);
  jpeg_read_header(info, TRUE);
  info->out_color_space = info->num_components == 4 ? JCS_CMYK : JCS_RGB;
  size->width = (int)info->image_width;
  size->height = (int)info->image_height;
  return LAB_CODEC_OK;
}

// Converts inverted CMYK as Adobe writes it (255 is no ink) to RGB.
static void convert_inks(const uint8_t *inverted, uint8_t *rgb, int width) {
  for (int x = 0; x < width; x++) {
    uint8_t ink[4];
    for (int c = 0; c < 4; c++) ink[c] = 255 - inverted[4 * x + c];
    lab_ink_to_rgb(ink, rgb + 3 * x);
  }
}

int lab_jpeg_decode(lab_jpeg *jpeg, uint8_t *pixels) {
  struct jpeg_decompress_struct *info = &jpeg->info;
  if (setjmp(jpeg->escape)) return give_up(jpeg);
  jpeg_start_decompress(info);
  int width = (int)info->output_width;
  int four = info->output_components == 4;
  JSAMPARRAY inks = NULL;
  if (four) {
    // Freed together with the image.
    inks = info->mem->alloc_sarray(
        (j_common_ptr)info, JPOOL_IMAGE, info->output_width * 4, 1);
  }
  while (info->output_scanline < info->output_height) {
    uint8_t *line = pixels + (size_t)3 * width * info->output_scanline;
    JSAMPROW row = four ? inks[0] : line;
    jpeg_read_scanlines(info, &row, 1);
    if (four) convert_inks(row, line, width);
  }
  jpeg_finish_decompress(info);
  return LAB_CODEC_OK;
}
