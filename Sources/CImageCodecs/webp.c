#include <string.h>

#include <webp/decode.h>
#include <webp/demux.h>

#include "codec.h"

int lab_webp_header(const uint8_t *bytes, size_t count, lab_picture_size *size, char *message) {
  WebPBitstreamFeatures features;
  VP8StatusCode status = WebPGetFeatures(bytes, count, &features);
  if (status == VP8_STATUS_NOT_ENOUGH_DATA) return lab_cut_short(message);
  if (status != VP8_STATUS_OK) {
    return lab_refuse(message, LAB_CODEC_FAILED, "libwebp cannot read its header");
  }
  size->width = features.width;
  size->height = features.height;
  return LAB_CODEC_OK;
}

// Decodes a still image whose header is already in `config` to rows `stride` bytes apart.
static int decode_still(
    const uint8_t *bytes, size_t count, WebPDecoderConfig *config, uint8_t *pixels, size_t stride,
    char *message) {
  size_t rows = (size_t)config->input.height;
  config->output.colorspace = MODE_RGB;
  config->output.is_external_memory = 1;
  config->output.u.RGBA.rgba = pixels;
  config->output.u.RGBA.stride = (int)stride;
  config->output.u.RGBA.size = stride * (rows - 1) + 3 * (size_t)config->input.width;
  VP8StatusCode status = WebPDecode(bytes, count, config);
  WebPFreeDecBuffer(&config->output);
  switch (status) {
    case VP8_STATUS_OK: return LAB_CODEC_OK;
    case VP8_STATUS_NOT_ENOUGH_DATA:
    case VP8_STATUS_SUSPENDED: return lab_cut_short(message);
    case VP8_STATUS_BITSTREAM_ERROR:
      return lab_refuse(message, LAB_CODEC_DAMAGED, "its picture data are broken");
    default: return lab_refuse(message, LAB_CODEC_FAILED, "libwebp cannot read it");
  }
}

// The first frame of an animation on its canvas, which is black where the frame does not cover it.
// libwebp's animation decoder is not used because it allocates two more canvases, gigabytes for a
// small file.
static int decode_animation(
    const uint8_t *bytes, size_t count, int width, int height, uint8_t *pixels, char *message) {
  WebPData data = {bytes, count};
  WebPDemuxer *demuxer = WebPDemux(&data);
  if (!demuxer) return lab_refuse(message, LAB_CODEC_DAMAGED, "libwebp cannot read its frames");
  int status = LAB_CODEC_OK;
  WebPIterator frame;
  WebPDecoderConfig config;
  size_t stride = 3 * (size_t)width;
  if (!WebPDemuxGetFrame(demuxer, 1, &frame)) {
    status = lab_refuse(message, LAB_CODEC_DAMAGED, "libwebp cannot read its first frame");
  } else {
    if (!WebPInitDecoderConfig(&config) ||
        WebPGetFeatures(frame.fragment.bytes, frame.fragment.size, &config.input) !=
            VP8_STATUS_OK ||
        config.input.width != frame.width || config.input.height != frame.height ||
        frame.x_offset < 0 || frame.width > width - frame.x_offset || frame.y_offset < 0 ||
        frame.height > height - frame.y_offset) {
      status = lab_refuse(message, LAB_CODEC_DAMAGED, "libwebp cannot read its first frame");
    } else {
      memset(pixels, 0, stride * (size_t)height);
      uint8_t *start = pixels + stride * (size_t)frame.y_offset + 3 * (size_t)frame.x_offset;
      status = decode_still(
          frame.fragment.bytes, frame.fragment.size, &config, start, stride, message);
    }
    WebPDemuxReleaseIterator(&frame);
  }
  WebPDemuxDelete(demuxer);
  return status;
}

int lab_webp_decode(const uint8_t *bytes, size_t count, uint8_t *pixels, char *message) {
  WebPDecoderConfig config;
  if (!WebPInitDecoderConfig(&config)) {
    return lab_refuse(message, LAB_CODEC_FAILED, "libwebp could not be initialized");
  }
  if (WebPGetFeatures(bytes, count, &config.input) != VP8_STATUS_OK) {
    return lab_cut_short(message);
  }
  int width = config.input.width, height = config.input.height;
  return config.input.has_animation
             ? decode_animation(bytes, count, width, height, pixels, message)
             : decode_still(bytes, count, &config, pixels, 3 * (size_t)width, message);
}
