#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <tiffio.h>

#include "codec.h"

// The first image of a TIFF through libtiff, converted to RGB as Pillow does: gray and palettes of
// 1 to 8 bits; 16-bit gray clipped to 255; RGB and CMYK of 8 and 16 bits (the high byte). Alpha is
// dropped; colors that were multiplied by it are divided by it. libtiff converts YCbCr. The image
// is rotated according to its orientation tag, which Pillow does only for TIFF.
typedef struct {
  const uint8_t *bytes;
  size_t count, position;
  char *message;
  int failed;
} source;

static tmsize_t read_part(thandle_t handle, void *out, tmsize_t size) {
  source *from = handle;
  if (size < 0 || from->position >= from->count) return 0;
  size_t left = from->count - from->position, part = (size_t)size < left ? (size_t)size : left;
  memcpy(out, from->bytes + from->position, part);
  from->position += part;
  return (tmsize_t)part;
}

static tmsize_t write_nothing(thandle_t handle, void *data, tmsize_t size) {
  (void)handle, (void)data, (void)size;
  return 0;
}

static toff_t seek(thandle_t handle, toff_t offset, int whence) {
  source *from = handle;
  size_t start = whence == SEEK_CUR ? from->position : whence == SEEK_END ? from->count : 0;
  from->position = (size_t)(start + offset);
  return from->position;
}

static int close_nothing(thandle_t handle) {
  (void)handle;
  return 0;
}

static toff_t size_of(thandle_t handle) { return ((source *)handle)->count; }

// Keeps the first error of the file; libtiff passes our own handle back.
static void keep_error(thandle_t handle, const char *module, const char *format, va_list values) {
  (void)module;
  source *from = handle;
  if (!from || from->failed) return;
  from->failed = 1;
  vsnprintf(from->message, LAB_CODEC_MESSAGE, format, values);
}

// libtiff ignores a tag whose values lie after the end of the file, and decodes an image without
// its palette as gray. Here, a truncated file is an error.
static void keep_lost_tag(
    thandle_t handle, const char *module, const char *format, va_list values) {
  if (strstr(format, "IO error")) keep_error(handle, module, format, values);
}

__attribute__((constructor)) static void stay_silent(void) {
  TIFFSetWarningHandler(NULL);
  TIFFSetWarningHandlerExt(keep_lost_tag);
  TIFFSetErrorHandler(NULL);
  TIFFSetErrorHandlerExt(keep_error);
}

typedef struct {
  uint32_t width, height, tile_width, tile_height;
  uint16_t bits, samples, photometric, planar, format, compression, orientation;
  uint16_t extra_count, *extras, *red, *green, *blue;
} picture;

static int refuse_tiff(source *from, TIFF *tiff, const char *text) {
  if (tiff) TIFFClose(tiff);
  if (!from->failed) lab_refuse(from->message, LAB_CODEC_FAILED, text);
  return LAB_CODEC_FAILED;
}

static TIFF *begin(source *from) {
  // "m": no memory mapping, "r": read.
  return TIFFClientOpen(
      "picture", "rm", from, read_part, write_nothing, seek, close_nothing, size_of, NULL, NULL);
}

static int swaps_axes(const picture *p) { return p->orientation >= 5 && p->orientation <= 8; }

static int read_tags(source *from, TIFF *tiff, picture *p) {
  memset(p, 0, sizeof *p);
  if (from->failed) return LAB_CODEC_FAILED;
  if (!TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &p->width)
      || !TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &p->height) || !p->width || !p->height
      || p->width > INT32_MAX || p->height > INT32_MAX) {
    return refuse_tiff(from, NULL, "the picture has no pixels");
  }
  TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &p->bits);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &p->samples);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &p->planar);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &p->format);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &p->compression);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_ORIENTATION, &p->orientation);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_EXTRASAMPLES, &p->extra_count, &p->extras);
  if (!TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &p->photometric)) p->photometric = 0;
  return LAB_CODEC_OK;
}

int lab_tiff_header(const uint8_t *bytes, size_t count, lab_picture_size *size, char *message) {
  source from = {bytes, count, 0, message, 0};
  picture p;
  TIFF *tiff = begin(&from);
  if (!tiff) return refuse_tiff(&from, NULL, "its first directory cannot be read");
  int status = read_tags(&from, tiff, &p);
  TIFFClose(tiff);
  if (status) return status;
  size->width = (int)(swaps_axes(&p) ? p.height : p.width);
  size->height = (int)(swaps_axes(&p) ? p.width : p.height);
  return LAB_CODEC_OK;
}

// Sample `index` of a row with `bits` per sample, most significant bits first.
static unsigned sample(const uint8_t *row, size_t index, int bits) {
  switch (bits) {
    case 1: return row[index >> 3] >> (7 - (index & 7)) & 1;
    case 2: return row[index >> 2] >> (6 - 2 * (index & 3)) & 3;
    case 4: return row[index >> 1] >> (index & 1 ? 0 : 4) & 15;
    case 8: return row[index];
    default: {
      uint16_t value;
      memcpy(&value, row + 2 * index, 2);
      return value;
    }
  }
}

// Converts the samples of one pixel to RGB.
static void convert(const picture *p, const unsigned *values, uint8_t *rgb) {
  int high = p->bits == 16 ? 8 : 0;
  switch (p->photometric) {
    case PHOTOMETRIC_PALETTE:
      rgb[0] = (uint8_t)(p->red[values[0]] >> 8);
      rgb[1] = (uint8_t)(p->green[values[0]] >> 8);
      rgb[2] = (uint8_t)(p->blue[values[0]] >> 8);
      return;
    case PHOTOMETRIC_SEPARATED: {
      uint8_t ink[4];
      for (int c = 0; c < 4; c++) ink[c] = (uint8_t)(values[c] >> high);
      lab_ink_to_rgb(ink, rgb);
      return;
    }
    case PHOTOMETRIC_RGB: {
      for (int c = 0; c < 3; c++) rgb[c] = (uint8_t)(values[c] >> high);
      if (p->extra_count && p->extras[0] == EXTRASAMPLE_ASSOCALPHA) {
        unsigned alpha = values[3] >> high;
        for (int c = 0; c < 3 && alpha && alpha < 255; c++) {
          unsigned value = 255 * rgb[c] / alpha;
          rgb[c] = (uint8_t)(value > 255 ? 255 : value);
        }
      }
      return;
    }
    default: {
      unsigned gray = values[0];
      if (p->bits == 16) {
        gray = gray > 255 ? 255 : gray;
      } else {
        gray = gray * 255 / ((1u << p->bits) - 1);
        if (p->photometric == PHOTOMETRIC_MINISWHITE) gray = 255 - gray;
      }
      rgb[0] = rgb[1] = rgb[2] = (uint8_t)gray;
    }
  }
}

// The place of pixel (x, y) of the file after rotation.
static uint8_t *place(const picture *p, uint8_t *pixels, size_t x, size_t y) {
  size_t right = p->width - 1 - x, up = p->height - 1 - y, width = p->width, height = p->height;
  switch (p->orientation) {
    case 2: return pixels + 3 * (y * width + right);
    case 3: return pixels + 3 * (up * width + right);
    case 4: return pixels + 3 * (up * width + x);
    case 5: return pixels + 3 * (x * height + y);
    case 6: return pixels + 3 * (x * height + up);
    case 7: return pixels + 3 * (right * height + up);
    case 8: return pixels + 3 * (right * height + y);
    default: return pixels + 3 * (y * width + x);
  }
}

static int is_read(const picture *p) {
  int samples = p->samples - p->extra_count;
  if (p->format != SAMPLEFORMAT_UINT && p->format != SAMPLEFORMAT_VOID) return 0;
  switch (p->photometric) {
    case PHOTOMETRIC_MINISWHITE:
    case PHOTOMETRIC_MINISBLACK:
      return samples == 1 &&
             (p->bits == 1 || p->bits == 2 || p->bits == 4 || p->bits == 8 || p->bits == 16) &&
             (!p->extra_count || p->bits == 8);
    case PHOTOMETRIC_PALETTE:
      return samples == 1 && (p->bits == 1 || p->bits == 2 || p->bits == 4 || p->bits == 8);
    case PHOTOMETRIC_RGB: return samples == 3 && (p->bits == 8 || p->bits == 16);
    case PHOTOMETRIC_SEPARATED: return samples == 4 && (p->bits == 8 || p->bits == 16);
    default: return 0;
  }
}

// libtiff returns zeros for strips and tiles that the file does not have; a damaged height leads to
// many of them.
static int has_all_parts(source *from, TIFF *tiff) {
  uint32_t count = TIFFIsTiled(tiff) ? TIFFNumberOfTiles(tiff) : TIFFNumberOfStrips(tiff);
  for (uint32_t part = 0; part < count; part++) {
    if (TIFFGetStrileByteCount(tiff, part) > 0) continue;
    if (!from->failed)
      lab_refuse(from->message, LAB_CODEC_DAMAGED, "a part of its pixels is missing");
    return 0;
  }
  return 1;
}

// Reads strips or tiles, either interleaved or one sample after the other.
static int read_blocks(source *from, TIFF *tiff, const picture *p, uint8_t *pixels) {
  int tiled = TIFFIsTiled(tiff);
  uint32_t columns = p->width, rows = 0;
  if (tiled) {
    TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &columns);
    TIFFGetField(tiff, TIFFTAG_TILELENGTH, &rows);
  } else {
    TIFFGetFieldDefaulted(tiff, TIFFTAG_ROWSPERSTRIP, &rows);
    if (rows > p->height) rows = p->height;
  }
  if (!columns || !rows) return refuse_tiff(from, NULL, "its tiles have no pixels");
  int separate = p->planar == PLANARCONFIG_SEPARATE && p->samples > 1;
  int planes = separate ? p->samples : 1, together = separate ? 1 : p->samples;
  tmsize_t size = tiled ? TIFFTileSize(tiff) : TIFFStripSize(tiff);
  uint64_t stride = ((uint64_t)columns * together * p->bits + 7) / 8;
  // A tile may be wider than the picture, but not without bound.
  if (size <= 0 || (uint64_t)size < stride * rows || size > ((tmsize_t)1 << 31)) {
    return refuse_tiff(from, NULL, "its tiles have an impossible size");
  }
  uint8_t *block = malloc((size_t)size * planes);
  if (!block) return refuse_tiff(from, NULL, "there is no memory for a tile");
  int status = LAB_CODEC_OK;
  for (uint32_t top = 0; top < p->height && !status; top += rows) {
    uint32_t used = p->height - top < rows ? p->height - top : rows;
    for (uint32_t left = 0; left < p->width && !status; left += columns) {
      for (int plane = 0; plane < planes && !status; plane++) {
        uint8_t *part = block + (size_t)size * plane;
        tmsize_t wanted = tiled ? size : (tmsize_t)(stride * used);
        tmsize_t got = tiled
            ? TIFFReadEncodedTile(
                  tiff, TIFFComputeTile(tiff, left, top, 0, (uint16_t)plane), part, size)
            : TIFFReadEncodedStrip(
                  tiff, TIFFComputeStrip(tiff, top, (uint16_t)plane), part, wanted);
        if (got < wanted) {
          status = LAB_CODEC_DAMAGED;
          if (!from->failed) lab_refuse(from->message, status, "its picture data are broken");
        }
      }
      if (status) break;
      uint32_t end = p->width - left < columns ? p->width - left : columns;
      for (uint32_t y = 0; y < used; y++) {
        for (uint32_t x = 0; x < end; x++) {
          unsigned values[4] = {0};
          for (int c = 0; c < p->samples && c < 4; c++) {
            const uint8_t *row = block + (separate ? (size_t)size * c : 0) + stride * y;
            values[c] = sample(row, separate ? x : (size_t)x * p->samples + c, p->bits);
          }
          convert(p, values, place(p, pixels, left + x, top + y));
        }
      }
      if (left > UINT32_MAX - columns) break;
    }
    if (top > UINT32_MAX - rows) break;
  }
  free(block);
  return status;
}

// Images that libtiff converts to RGB, such as YCbCr.
static int read_converted(source *from, TIFF *tiff, const picture *p, uint8_t *pixels) {
  size_t total = (size_t)p->width * p->height;
  uint32_t *colors = malloc(4 * total);
  if (!colors) return refuse_tiff(from, NULL, "there is no memory for it");
  int status = LAB_CODEC_OK;
  if (TIFFReadRGBAImageOriented(tiff, p->width, p->height, colors, ORIENTATION_TOPLEFT, 1)) {
    picture upright = *p;
    upright.orientation = 1;
    for (size_t i = 0; i < total; i++) {
      uint8_t *rgb = place(&upright, pixels, i % p->width, i / p->width);
      rgb[0] = (uint8_t)TIFFGetR(colors[i]);
      rgb[1] = (uint8_t)TIFFGetG(colors[i]);
      rgb[2] = (uint8_t)TIFFGetB(colors[i]);
    }
  } else {
    status = LAB_CODEC_DAMAGED;
    if (!from->failed) lab_refuse(from->message, status, "its picture data are broken");
  }
  free(colors);
  return status;
}

int lab_tiff_decode(const uint8_t *bytes, size_t count, uint8_t *pixels, char *message) {
  source from = {bytes, count, 0, message, 0};
  picture p;
  TIFF *tiff = begin(&from);
  if (!tiff) return refuse_tiff(&from, NULL, "its first directory cannot be read");
  int status = read_tags(&from, tiff, &p);
  if (!status && !has_all_parts(&from, tiff)) status = LAB_CODEC_DAMAGED;
  if (!status && p.photometric == PHOTOMETRIC_YCBCR) {
    if (p.compression == COMPRESSION_JPEG && p.planar == PLANARCONFIG_CONTIG && p.samples == 3) {
      // libjpeg converts better than libtiff: it interpolates the subsampled chroma.
      TIFFSetField(tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
      p.photometric = PHOTOMETRIC_RGB;
    } else if (p.orientation != 1) {
      status = refuse_tiff(&from, NULL, "it is a rotated YCbCr image, which is not supported");
    } else {
      status = read_converted(&from, tiff, &p, pixels);
      TIFFClose(tiff);
      return status;
    }
  }
  if (!status && !is_read(&p)) {
    status = refuse_tiff(&from, NULL, "its pixel format is not supported");
  }
  if (!status && p.photometric == PHOTOMETRIC_PALETTE
      && !TIFFGetField(tiff, TIFFTAG_COLORMAP, &p.red, &p.green, &p.blue)) {
    status = refuse_tiff(&from, NULL, "it has no palette");
  }
  if (!status) status = read_blocks(&from, tiff, &p, pixels);
  TIFFClose(tiff);
  return status;
}
