// libjpeg-turbo through its libjpeg interface, which tells every warning apart; the TurboJPEG
// interface keeps only the first one's text.
#include <stddef.h>
#include <stdio.h>

#include <jpeglib.h>
