// Changed pictures for the C decoders, which Scripts/sanitize.sh builds with both sanitizers in
// seconds.
//
//     codecs FORMAT RUNS SEED FILE…
//
// The first finding ends it. Pictures of more than 4 million pixels are left to the fuzzer of
// Tests/Fuzz.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CImageCodecs.h"

enum { MAX_PIXELS = 1 << 22 };

typedef int header_function(const uint8_t *, size_t, lab_picture_size *, char *);
typedef int decode_function(const uint8_t *, size_t, uint8_t *, char *);

typedef struct {
  const char *name;
  header_function *header;
  decode_function *decode;
} format;

static const format formats[] = {
    {"png", lab_png_header, lab_png_decode},    {"webp", lab_webp_header, lab_webp_decode},
    {"gif", lab_gif_header, lab_gif_decode},    {"bmp", lab_bmp_header, lab_bmp_decode},
    {"tif", lab_tiff_header, lab_tiff_decode},
};

typedef struct {
  uint8_t *bytes;
  size_t count;
} input;

static uint64_t state;

static size_t below(size_t bound) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return bound ? (size_t)(state >> 33) % bound : 0;
}

static input read_file(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) exit((perror(path), 2));
  fseek(file, 0, SEEK_END);
  input found = {NULL, (size_t)ftell(file)};
  rewind(file);
  found.bytes = malloc(found.count);
  if (fread(found.bytes, 1, found.count, file) != found.count) exit((perror(path), 2));
  fclose(file);
  return found;
}

// One of the seeds after one to eight changes, in memory of just its size.
static input changed(const input *seeds, size_t count) {
  static const uint8_t edges[] = {0, 1, 0x7F, 0x80, 0xFE, 0xFF};
  const input *seed = &seeds[below(count)];
  input made = {malloc(seed->count), seed->count};
  memcpy(made.bytes, seed->bytes, seed->count);
  for (size_t change = (size_t)1 << below(4); change > 0 && made.count > 0; change--) {
    size_t place = below(made.count), left = made.count - place;
    switch (below(6)) {
      case 0: made.bytes[place] ^= (uint8_t)(1 << below(8)); break;
      case 1: made.bytes[place] = (uint8_t)below(256); break;
      case 2: made.bytes[place] = edges[below(sizeof edges)]; break;
      case 3:
        if (below(4) == 0) made.count = place;
        break;
      case 4: {
        size_t length = 1 + below(left < 64 ? left : 64);
        memmove(made.bytes + place, made.bytes + place + length, left - length);
        made.count -= length;
        break;
      }
      default: {
        const input *other = &seeds[below(count)];
        size_t from = below(other->count), length = other->count - from;
        if (length > 32) length = 32;
        if (length > left) length = left;
        memcpy(made.bytes + place, other->bytes + from, length);
      }
    }
  }
  // So that a byte read behind the end is found.
  input exact = {malloc(made.count ? made.count : 1), made.count};
  memcpy(exact.bytes, made.bytes, made.count);
  free(made.bytes);
  return exact;
}

int main(int argc, char **argv) {
  const format *kind = NULL;
  for (size_t i = 0; argc > 4 && i < sizeof formats / sizeof *formats; i++) {
    if (strcmp(formats[i].name, argv[1]) == 0) kind = &formats[i];
  }
  if (!kind) return fprintf(stderr, "codecs FORMAT RUNS SEED FILE…\n"), 2;
  long runs = atol(argv[2]), pictures = 0;
  state = (uint64_t)atol(argv[3]);
  size_t count = (size_t)argc - 4;
  input *seeds = calloc(count, sizeof *seeds);
  for (size_t i = 0; i < count; i++) seeds[i] = read_file(argv[4 + i]);
  for (long run = 0; run < runs; run++) {
    input file = changed(seeds, count);
    lab_picture_size size = {0, 0};
    char message[LAB_CODEC_MESSAGE];
    if (kind->header(file.bytes, file.count, &size, message) == LAB_CODEC_OK && size.width > 0
        && size.height > 0 && (int64_t)size.width * size.height <= MAX_PIXELS) {
      uint8_t *pixels = malloc(3 * (size_t)size.width * (size_t)size.height);
      pictures += kind->decode(file.bytes, file.count, pixels, message) == LAB_CODEC_OK;
      free(pixels);
    }
    free(file.bytes);
  }
  printf("%s: %ld inputs held, %ld of them pictures\n", kind->name, runs, pictures);
  for (size_t i = 0; i < count; i++) free(seeds[i].bytes);
  free(seeds);
  return 0;
}
