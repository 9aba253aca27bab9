// libjpeg-turbo through its libjpeg interface, which reports every warning separately; the
// TurboJPEG interface keeps only the text of the first one.
#include <stddef.h>
#include <stdio.h>

#include <jpeglib.h>
