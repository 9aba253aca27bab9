#include <string.h>

#include <webp/decode.h>
#include <webp/demux.h>

#include "codec.h"

int lab_webp_header(const uint8_t *bytes, size_t count, lab_picture_size *size, char *message) {
  WebPBitstreamFeatures features;
  VP8StatusCode status = WebPGetFeatures(bytes, count, &features);
  if (status == VP8_STATUS_NOT_ENOUGH_DATA) return lab_cut_short(message);
  if (status != VP8_STATUS_OK) {
    return lab_refuse(message, LAB_CODEC_FAILED, "libwebp does not know its header");
  }
  size->width = features.width;
  size->height = features.height;
  return LAB_CODEC_OK;
}

// The first picture of an animation on its canvas, which is transparent black where it is open.
static int decode_animation(
    const uint8_t *bytes, size_t count, size_t total, uint8_t *pixels, char *message) {
  WebPAnimDecoderOptions options;
  WebPAnimDecoderOptionsInit(&options);
  options.color_mode = MODE_RGBA;
  WebPData data = {bytes, count};
  WebPAnimDecoder *decoder = WebPAnimDecoderNew(&data, &options);
  if (!decoder) return lab_refuse(message, LAB_CODEC_DAMAGED, "libwebp cannot read its frames");
  uint8_t *canvas;
  int time, status = LAB_CODEC_OK;
  if (WebPAnimDecoderGetNext(decoder, &canvas, &time)) {
    for (size_t i = 0; i < total; i++) memcpy(pixels + 3 * i, canvas + 4 * i, 3);
  } else {
    status = lab_refuse(message, LAB_CODEC_DAMAGED, "libwebp cannot read its first frame");
  }
  WebPAnimDecoderDelete(decoder);
  return status;
}

int lab_webp_decode(const uint8_t *bytes, size_t count, uint8_t *pixels, char *message) {
  WebPDecoderConfig config;
  if (!WebPInitDecoderConfig(&config)) {
    return lab_refuse(message, LAB_CODEC_FAILED, "libwebp could not be set up");
  }
  if (WebPGetFeatures(bytes, count, &config.input) != VP8_STATUS_OK) {
    return lab_cut_short(message);
  }
  size_t total = (size_t)config.input.width * (size_t)config.input.height;
  if (config.input.has_animation) return decode_animation(bytes, count, total, pixels, message);
  config.output.colorspace = MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = pixels;
  config.output.u.RGBA.stride = 3 * config.input.width;
  config.output.u.RGBA.size = 3 * total;
  VP8StatusCode status = WebPDecode(bytes, count, &config);
  WebPFreeDecBuffer(&config.output);
  switch (status) {
    case VP8_STATUS_OK: return LAB_CODEC_OK;
    case VP8_STATUS_NOT_ENOUGH_DATA:
    case VP8_STATUS_SUSPENDED: return lab_cut_short(message);
    case VP8_STATUS_BITSTREAM_ERROR:
      return lab_refuse(message, LAB_CODEC_DAMAGED, "its picture data are broken");
    default: return lab_refuse(message, LAB_CODEC_FAILED, "libwebp cannot read it");
  }
}
