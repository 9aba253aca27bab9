#include <stdlib.h>
#include <string.h>

#include "codec.h"

// The first image of a GIF. giflib is not used because it reads every frame into memory.
// Source: the GIF89a specification; Pillow's GifImagePlugin.py for images that do not cover the
// screen.
typedef struct {
  int width, height;      // of the screen, enlarged to contain the image
  int left, top, columns, rows;
  int interlaced;
  int background;         // index of pixels that the image does not cover
  const uint8_t *colors;  // NULL: the indices are gray values
  int color_count;
  int code_bits;
  size_t data;            // offset of the sub-blocks of codes
} gif_picture;

enum { CODES = 4096 };

// The offset after a sequence of sub-blocks that starts at `at`, or 0 if the file ends first.
static size_t skip_blocks(const uint8_t *bytes, size_t count, size_t at) {
  while (at < count && bytes[at]) at += (size_t)bytes[at] + 1;
  return at < count ? at + 1 : 0;
}

static int find_picture(const uint8_t *bytes, size_t count, gif_picture *gif, char *message) {
  if (count < 13) return lab_cut_short(message);
  memset(gif, 0, sizeof *gif);
  gif->width = (int)lab_u16(bytes + 6);
  gif->height = (int)lab_u16(bytes + 8);
  size_t at = 13;
  if (bytes[10] & 0x80) {
    gif->color_count = 2 << (bytes[10] & 7);
    gif->colors = bytes + at;
    at += 3 * (size_t)gif->color_count;
  }
  for (;;) {
    if (at >= count) return lab_cut_short(message);
    int kind = bytes[at++];
    if (kind == ';') return lab_refuse(message, LAB_CODEC_FAILED, "it has no image");
    if (kind == '!') {
      if (count - at < 2) return lab_cut_short(message);
      int label = bytes[at++];
      if (label == 0xF9 && bytes[at] >= 4 && count - at > 4 && bytes[at + 1] & 1) {
        gif->background = bytes[at + 4];
      }
      if (!(at = skip_blocks(bytes, count, at))) return lab_cut_short(message);
    } else if (kind == ',') {
      if (count - at < 10) return lab_cut_short(message);
      gif->left = (int)lab_u16(bytes + at);
      gif->top = (int)lab_u16(bytes + at + 2);
      gif->columns = (int)lab_u16(bytes + at + 4);
      gif->rows = (int)lab_u16(bytes + at + 6);
      int flags = bytes[at + 8];
      at += 9;
      gif->interlaced = flags & 0x40;
      if (flags & 0x80) {
        gif->color_count = 2 << (flags & 7);
        gif->colors = bytes + at;
        at += 3 * (size_t)gif->color_count;
      }
      if (at + 1 >= count) return lab_cut_short(message);
      gif->code_bits = bytes[at++];
      gif->data = at;
      if (gif->left + gif->columns > gif->width) gif->width = gif->left + gif->columns;
      if (gif->top + gif->rows > gif->height) gif->height = gif->top + gif->rows;
      if (!gif->columns || !gif->rows || !gif->width || !gif->height) {
        return lab_refuse(message, LAB_CODEC_FAILED, "the picture has no pixels");
      }
      // A code has at most 12 bits; the first codes have one bit more than a color index.
      if (gif->code_bits < 1 || gif->code_bits > 11) {
        return lab_refuse(message, LAB_CODEC_FAILED, "its codes have an impossible width");
      }
      return LAB_CODEC_OK;
    }
    // Other bytes between blocks are skipped, as other decoders do.
  }
}

int lab_gif_header(const uint8_t *bytes, size_t count, lab_picture_size *size, char *message) {
  gif_picture gif;
  int status = find_picture(bytes, count, &gif, message);
  size->width = gif.width;
  size->height = gif.height;
  return status;
}

typedef struct {
  const uint8_t *bytes;
  size_t count, at;
  int block;  // bytes left in the sub-block
  uint32_t bits;
  int bit_count;
} code_reader;

// The next code of `width` bits, or -1 at the end of the data.
static int next_code(code_reader *reader, int width) {
  while (reader->bit_count < width) {
    if (!reader->block) {
      if (reader->at >= reader->count) return -1;
      reader->block = reader->bytes[reader->at++];
      if (!reader->block) return -1;
    }
    if (reader->at >= reader->count) return -1;
    reader->bits |= (uint32_t)reader->bytes[reader->at++] << reader->bit_count;
    reader->bit_count += 8;
    reader->block--;
  }
  int code = (int)(reader->bits & ((1u << width) - 1));
  reader->bits >>= width;
  reader->bit_count -= width;
  return code;
}

// Writes indices row by row; the rows of an interlaced image come in four passes.
typedef struct {
  const gif_picture *gif;
  uint8_t *indices;  // [height][width]
  int x, y, pass;
  size_t left;  // pixels that remain
} index_writer;

static void put(index_writer *writer, uint8_t index) {
  static const int starts[] = {0, 4, 2, 1}, steps[] = {8, 8, 4, 2};
  const gif_picture *gif = writer->gif;
  writer->indices[(size_t)(gif->top + writer->y) * gif->width + gif->left + writer->x] = index;
  writer->left--;
  if (++writer->x < gif->columns) return;
  writer->x = 0;
  if (!gif->interlaced) {
    writer->y++;
    return;
  }
  writer->y += steps[writer->pass];
  while (writer->y >= gif->rows && writer->pass < 3) writer->y = starts[++writer->pass];
}

static int read_indices(
    const uint8_t *bytes, size_t count, const gif_picture *gif, uint8_t *indices, char *message) {
  static const char broken[] = "it has an invalid code";
  uint16_t link[CODES];
  uint8_t last[CODES], text[CODES];
  code_reader reader = {bytes, count, gif->data, 0, 0, 0};
  index_writer writer = {gif, indices, 0, 0, 0, (size_t)gif->columns * gif->rows};
  int clear = 1 << gif->code_bits, end = clear + 1, next = end + 1, width = gif->code_bits + 1;
  int previous = -1;
  uint8_t first = 0;
  while (writer.left) {
    int code = next_code(&reader, width);
    if (code < 0) return lab_cut_short(message);
    if (code == clear) {
      next = end + 1;
      width = gif->code_bits + 1;
      previous = -1;
      continue;
    }
    if (code == end) return lab_cut_short(message);
    if (previous < 0) {
      if (code > clear) return lab_refuse(message, LAB_CODEC_DAMAGED, broken);
      previous = code;
      first = (uint8_t)code;
      put(&writer, first);
      continue;
    }
    if (code > next || (code == next && next >= CODES)) {
      return lab_refuse(message, LAB_CODEC_DAMAGED, broken);
    }
    int length = 0, at = code;
    if (code == next) {
      text[length++] = first;
      at = previous;
    }
    while (at >= clear) {
      if (length >= CODES || at <= end) return lab_refuse(message, LAB_CODEC_DAMAGED, broken);
      text[length++] = last[at];
      at = link[at];
    }
    first = (uint8_t)at;
    if (next < CODES) {
      last[next] = first;
      link[next] = (uint16_t)previous;
      if (++next == 1 << width && width < 12) width++;
    }
    previous = code;
    put(&writer, first);
    while (length && writer.left) put(&writer, text[--length]);
  }
  return LAB_CODEC_OK;
}

int lab_gif_decode(const uint8_t *bytes, size_t count, uint8_t *pixels, char *message) {
  gif_picture gif;
  int status = find_picture(bytes, count, &gif, message);
  if (status) return status;
  // The indices are stored in the last third of `pixels` and replaced by colors from the front,
  // which never overtakes the index that is read.
  size_t total = (size_t)gif.width * gif.height;
  uint8_t *indices = pixels + 2 * total;
  memset(indices, gif.background, total);
  status = read_indices(bytes, count, &gif, indices, message);
  if (status) return status;
  // Without a palette, indices are gray values; indices outside a palette are black, as in Pillow.
  uint8_t colors[256][3] = {0};
  for (int index = 0; index < 256; index++) {
    if (!gif.colors) {
      memset(colors[index], index, 3);
    } else if (index < gif.color_count) {
      memcpy(colors[index], gif.colors + 3 * index, 3);
    }
  }
  for (size_t i = 0; i < total; i++) memcpy(pixels + 3 * i, colors[indices[i]], 3);
  return LAB_CODEC_OK;
}
