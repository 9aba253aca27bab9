#include <string.h>

#include "codec.h"

// Windows and OS/2 bitmaps as Pillow's BmpImagePlugin.py reads them: 1, 4, 8, 16, 24 and 32 bits,
// palettes, bit fields, run-length encoding, bottom-up and top-down; alpha is dropped.
typedef struct {
  int width, height, bits, compression;
  int top_down;
  uint32_t masks[3];
  const uint8_t *colors;  // BGR, `color_bytes` apart
  int color_count, color_bytes;
  size_t data;
} bmp_picture;

enum { PLAIN = 0, RUNS8 = 1, RUNS4 = 2, FIELDS = 3 };

static int read_header(const uint8_t *bytes, size_t count, bmp_picture *bmp, char *message) {
  static const char unknown_header[] = "its header has an unknown size";
  if (count < 18) return lab_cut_short(message);
  memset(bmp, 0, sizeof *bmp);
  uint32_t size = lab_u32(bytes + 14);
  bmp->data = lab_u32(bytes + 10);
  if (size != 12 && size != 40 && size != 52 && size != 56 && size != 64 && size != 108 &&
      size != 124) {
    return lab_refuse(message, LAB_CODEC_FAILED, unknown_header);
  }
  if (count < 14 + (size_t)size) return lab_cut_short(message);
  const uint8_t *header = bytes + 14;
  size_t after = 14 + (size_t)size;
  int64_t height;
  uint32_t width, colors = 0;
  if (size == 12) {
    width = lab_u16(header + 4);
    height = lab_u16(header + 6);
    bmp->bits = (int)lab_u16(header + 10);
    bmp->color_bytes = 3;
  } else {
    width = lab_u32(header + 4);
    height = (int32_t)lab_u32(header + 8);
    bmp->bits = (int)lab_u16(header + 14);
    bmp->compression = (int)lab_u32(header + 16);
    colors = lab_u32(header + 32);
    bmp->color_bytes = 4;
  }
  bmp->top_down = height < 0;
  if (height < 0) height = -height;
  if (!width || !height || width > INT32_MAX || height > INT32_MAX) {
    return lab_refuse(message, LAB_CODEC_FAILED, "the picture has no pixels");
  }
  bmp->width = (int)width;
  bmp->height = (int)height;
  int bits = bmp->bits;
  if (bits != 1 && bits != 4 && bits != 8 && bits != 16 && bits != 24 && bits != 32) {
    return lab_refuse(message, LAB_CODEC_FAILED, "its pixels have an unknown number of bits");
  }
  int compression = bmp->compression;
  if (compression > FIELDS || compression < 0 || (compression == RUNS8 && bits != 8)
      || (compression == RUNS4 && bits != 4) || (compression == FIELDS && bits < 16)) {
    return lab_refuse(message, LAB_CODEC_FAILED, "its compression is not supported");
  }
  if (compression == FIELDS) {
    size_t at = size >= 52 ? 14 + 40 : after;
    if (count < at + 12) return lab_cut_short(message);
    for (int c = 0; c < 3; c++) bmp->masks[c] = lab_u32(bytes + at + 4 * (size_t)c);
    if (size < 52) after += 12;
    // Without any masks the order is BGR, as in Pillow.
    if (bits == 32 && !bmp->masks[0] && !bmp->masks[1] && !bmp->masks[2]) {
      bmp->masks[0] = 0xFF0000, bmp->masks[1] = 0xFF00, bmp->masks[2] = 0xFF;
    }
  } else if (bits == 16) {
    bmp->masks[0] = 0x7C00, bmp->masks[1] = 0x3E0, bmp->masks[2] = 0x1F;
  } else {
    bmp->masks[0] = 0xFF0000, bmp->masks[1] = 0xFF00, bmp->masks[2] = 0xFF;
  }
  if (bits <= 8) {
    if (!colors) colors = 1u << bits;
    if (colors > 65536) return lab_refuse(message, LAB_CODEC_FAILED, "its palette is too large");
    size_t room = (size_t)bmp->color_bytes * colors;
    if (count - after < room) return lab_cut_short(message);
    bmp->colors = bytes + after;
    bmp->color_count = (int)colors;
    // Some writers do not count the palette in the offset of the pixels.
    if (bmp->data == 14 + (size_t)size) bmp->data += room;
    after += room;
  }
  if (!bmp->data) bmp->data = after;
  return LAB_CODEC_OK;
}

int lab_bmp_header(const uint8_t *bytes, size_t count, lab_picture_size *size, char *message) {
  bmp_picture bmp;
  int status = read_header(bytes, count, &bmp, message);
  size->width = bmp.width;
  size->height = bmp.height;
  return status;
}

static void put_color(const bmp_picture *bmp, int index, uint8_t *rgb) {
  if (index >= bmp->color_count) {
    // Indices outside the palette are black, as in Pillow.
    rgb[0] = rgb[1] = rgb[2] = 0;
    return;
  }
  const uint8_t *color = bmp->colors + (size_t)index * bmp->color_bytes;
  rgb[0] = color[2], rgb[1] = color[1], rgb[2] = color[0];
}

// The field of `value` that `mask` selects, scaled to 8 bits as in Pillow: value * 255 / maximum.
static uint8_t field(uint32_t value, uint32_t mask) {
  if (!mask) return 0;
  int shift = __builtin_ctz(mask);
  uint32_t maximum = mask >> shift;
  return (uint8_t)((uint64_t)((value & mask) >> shift) * 255 / maximum);
}

static void read_row(const bmp_picture *bmp, const uint8_t *from, uint8_t *rgb) {
  for (int x = 0; x < bmp->width; x++, rgb += 3) {
    switch (bmp->bits) {
      case 1: put_color(bmp, from[x >> 3] >> (7 - (x & 7)) & 1, rgb); break;
      case 4: put_color(bmp, from[x >> 1] >> (x & 1 ? 0 : 4) & 15, rgb); break;
      case 8: put_color(bmp, from[x], rgb); break;
      default: {
        const uint8_t *at = from + (size_t)x * (bmp->bits / 8);
        uint32_t value = lab_u16(at);
        if (bmp->bits == 24) value |= (uint32_t)at[2] << 16;
        if (bmp->bits == 32) value = lab_u32(at);
        for (int c = 0; c < 3; c++) rgb[c] = field(value, bmp->masks[c]);
      }
    }
  }
}

// The index of pixel `done` in the order of the file; rows are stored from the top.
static uint8_t *place(const bmp_picture *bmp, uint8_t *indices, size_t done) {
  size_t width = (size_t)bmp->width, row = done / width;
  if (!bmp->top_down) row = (size_t)bmp->height - 1 - row;
  return indices + row * width + done % width;
}

// Stores `count` pixels from pixel `done` on: all `value`, or two nibbles of it in turn, if `from`
// is NULL; otherwise those of `from`.
static void put_indices(const bmp_picture *bmp, uint8_t *indices, size_t done, size_t count,
                        const uint8_t *from, int value) {
  int half = bmp->compression == RUNS4;
  size_t width = (size_t)bmp->width;
  for (size_t i = 0; i < count;) {
    uint8_t *to = place(bmp, indices, done + i);
    size_t end = i + width - (done + i) % width;
    if (end > count) end = count;
    for (; i < end; i++) {
      int pair = from ? from[half ? i / 2 : i] : value;
      *to++ = (uint8_t)(half ? (i & 1 ? pair & 15 : pair >> 4) : pair);
    }
  }
}

// Decodes run-length encoding as Pillow's BmpRleDecoder does; pixels that are skipped have index 0.
// Indices are stored in `indices`, top row first.
static int read_runs(const bmp_picture *bmp, const uint8_t *bytes, size_t count, uint8_t *indices,
                     char *message) {
  size_t total = (size_t)bmp->width * bmp->height, done = 0, width = (size_t)bmp->width;
  size_t at = bmp->data, x = 0;
  int half = bmp->compression == RUNS4;
  memset(indices, 0, total);
  while (done < total) {
    if (count < at || count - at < 2) return lab_cut_short(message);
    size_t run = bytes[at];
    int value = bytes[at + 1];
    at += 2;
    if (run) {
      if (x + run > width) run = x < width ? width - x : 0;
      if (run > total - done) run = total - done;
      put_indices(bmp, indices, done, run, NULL, value);
      done += run;
      x += run;
    } else if (value == 0) {
      if (done % width) done += width - done % width;
      x = 0;
    } else if (value == 1) {
      break;
    } else if (value == 2) {
      if (count - at < 2) return lab_cut_short(message);
      size_t skip = bytes[at] + bytes[at + 1] * width;
      at += 2;
      done += skip < total - done ? skip : total - done;
      x = done % width;
    } else {
      size_t pixels = (size_t)value < total - done ? (size_t)value : total - done;
      size_t used = half ? (pixels + 1) / 2 : pixels;
      if (count - at < used) return lab_cut_short(message);
      put_indices(bmp, indices, done, pixels, bytes + at, 0);
      done += pixels;
      x += (size_t)value;
      at += used;
      // Aligned to even offsets in the file.
      if (at & 1) at++;
    }
  }
  return LAB_CODEC_OK;
}

int lab_bmp_decode(const uint8_t *bytes, size_t count, uint8_t *pixels, char *message) {
  bmp_picture bmp;
  int status = read_header(bytes, count, &bmp, message);
  if (status) return status;
  size_t width = (size_t)bmp.width, height = (size_t)bmp.height;
  if (bmp.compression == RUNS8 || bmp.compression == RUNS4) {
    // The indices are stored in the last third of `pixels` and replaced by colors from the front,
    // which never overtakes the index that is read.
    uint8_t *indices = pixels + 2 * width * height;
    status = read_runs(&bmp, bytes, count, indices, message);
    if (status) return status;
    uint8_t colors[256][4] = {0};
    for (int index = 0; index < 256; index++) put_color(&bmp, index, colors[index]);
    // One store of four bytes is faster than two; the next pixel replaces the fourth.
    size_t last = width * height - 1;
    for (size_t i = 0; i < last; i++) memcpy(pixels + 3 * i, colors[indices[i]], 4);
    memcpy(pixels + 3 * last, colors[indices[last]], 3);
    return LAB_CODEC_OK;
  }
  size_t stride = (width * (size_t)bmp.bits + 31) / 32 * 4;
  if (bmp.data > count || (count - bmp.data) / stride < height) {
    // The last row may lack its padding.
    size_t minimum = stride * (height - 1) + (width * (size_t)bmp.bits + 7) / 8;
    if (bmp.data > count || count - bmp.data < minimum) return lab_cut_short(message);
  }
  for (size_t y = 0; y < height; y++) {
    size_t row = bmp.top_down ? y : height - 1 - y;
    read_row(&bmp, bytes + bmp.data + stride * y, pixels + 3 * width * row);
  }
  return LAB_CODEC_OK;
}
