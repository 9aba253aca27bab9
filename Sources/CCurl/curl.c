#include "CCurl.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// libcurl's option and result codes, which are part of its stable ABI (curl/curl.h).
enum {
  OPTION_LOW_SPEED_LIMIT = 19,
  OPTION_LOW_SPEED_TIME = 20,
  OPTION_NOBODY = 44,
  OPTION_FOLLOWLOCATION = 52,
  OPTION_MAXREDIRS = 68,
  OPTION_CONNECTTIMEOUT = 78,
  OPTION_NOSIGNAL = 99,
  OPTION_PROTOCOLS = 181,
  OPTION_REDIR_PROTOCOLS = 182,
  OPTION_WRITEDATA = 10001,
  OPTION_URL = 10002,
  OPTION_ERRORBUFFER = 10010,
  OPTION_USERAGENT = 10018,
  OPTION_HTTPHEADER = 10023,
  OPTION_HEADERDATA = 10029,
  OPTION_WRITEFUNCTION = 20011,
  OPTION_HEADERFUNCTION = 20079,
  OPTION_RESUME_FROM_LARGE = 30116,
  INFO_RESPONSE_CODE = 0x200002,
  PROTOCOLS_OF_THE_WEB = 1 | 2,  // http and https
  GLOBAL_DEFAULT = 3,
  ERROR_SIZE = 256,
};

typedef void curl;
typedef struct list list;

static struct {
  int (*global_init)(long flags);
  curl *(*init)(void);
  int (*setopt)(curl *handle, int option, ...);
  int (*perform)(curl *handle);
  int (*getinfo)(curl *handle, int information, ...);
  void (*cleanup)(curl *handle);
  const char *(*describe)(int code);
  list *(*append)(list *before, const char *text);
  void (*free_list)(list *all);
} library;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char failure[256];

static bool find(void *handle, const char *name, void *function) {
  void *symbol = dlsym(handle, name);
  // A data pointer becomes a function pointer, as POSIX promises for `dlsym`.
  memcpy(function, &symbol, sizeof symbol);
  if (!symbol) snprintf(failure, sizeof failure, "libcurl has no %s", name);
  return symbol != NULL;
}

static void open_library(void) {
#if defined(__APPLE__)
  static const char *const names[] = {"libcurl.4.dylib", "/usr/lib/libcurl.4.dylib"};
#else
  static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4", "libcurl.so"};
#endif
  void *handle = NULL;
  for (unsigned i = 0; !handle && i < sizeof names / sizeof *names; i++)
    handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    snprintf(failure, sizeof failure, "libcurl is not installed");
    return;
  }
  if (!find(handle, "curl_global_init", &library.global_init) ||
      !find(handle, "curl_easy_init", &library.init) ||
      !find(handle, "curl_easy_setopt", &library.setopt) ||
      !find(handle, "curl_easy_perform", &library.perform) ||
      !find(handle, "curl_easy_getinfo", &library.getinfo) ||
      !find(handle, "curl_easy_cleanup", &library.cleanup) ||
      !find(handle, "curl_easy_strerror", &library.describe) ||
      !find(handle, "curl_slist_append", &library.append) ||
      !find(handle, "curl_slist_free_all", &library.free_list))
    return;
  if (library.global_init(GLOBAL_DEFAULT) != 0)
    snprintf(failure, sizeof failure, "libcurl does not start");
}

const char *lab_curl_open(void) {
  pthread_once(&once, open_library);
  return failure[0] ? failure : NULL;
}

static size_t take_header(char *bytes, size_t size, size_t count, void *data) {
  const lab_curl_request *request = data;
  return request->on_header(bytes, size * count, request->context);
}

static size_t take_body(char *bytes, size_t size, size_t count, void *data) {
  const lab_curl_request *request = data;
  return request->on_body(bytes, size * count, request->context);
}

lab_curl_result lab_curl_perform(const lab_curl_request *request) {
  lab_curl_result result = {.code = -1};
  curl *handle = library.init();
  if (!handle) {
    snprintf(result.message, sizeof result.message, "libcurl has no memory");
    return result;
  }
  char error[ERROR_SIZE] = "";
  list *headers = NULL;
  if (request->token) {
    // libcurl keeps this header from other hosts that an answer leads to.
    size_t length = strlen(request->token) + sizeof "Authorization: Bearer ";
    char *header = malloc(length);
    if (header) {
      snprintf(header, length, "Authorization: Bearer %s", request->token);
      headers = library.append(headers, header);
      free(header);
    }
  }
  library.setopt(handle, OPTION_URL, request->url);
  library.setopt(handle, OPTION_USERAGENT, request->user_agent);
  library.setopt(handle, OPTION_HTTPHEADER, headers);
  library.setopt(handle, OPTION_ERRORBUFFER, error);
  library.setopt(handle, OPTION_NOSIGNAL, 1L);
  library.setopt(handle, OPTION_NOBODY, request->is_head ? 1L : 0L);
  library.setopt(handle, OPTION_FOLLOWLOCATION, request->follows_redirects ? 1L : 0L);
  library.setopt(handle, OPTION_MAXREDIRS, 10L);
  library.setopt(handle, OPTION_PROTOCOLS, (long)PROTOCOLS_OF_THE_WEB);
  library.setopt(handle, OPTION_REDIR_PROTOCOLS, (long)PROTOCOLS_OF_THE_WEB);
  library.setopt(handle, OPTION_CONNECTTIMEOUT, request->patience);
  library.setopt(handle, OPTION_LOW_SPEED_LIMIT, 1L);
  library.setopt(handle, OPTION_LOW_SPEED_TIME, request->patience);
  library.setopt(handle, OPTION_RESUME_FROM_LARGE, request->from);
  library.setopt(handle, OPTION_HEADERFUNCTION, take_header);
  library.setopt(handle, OPTION_HEADERDATA, request);
  library.setopt(handle, OPTION_WRITEFUNCTION, take_body);
  library.setopt(handle, OPTION_WRITEDATA, request);
  result.code = library.perform(handle);
  library.getinfo(handle, INFO_RESPONSE_CODE, &result.status);
  if (result.code != 0)
    snprintf(result.message, sizeof result.message, "%s",
             error[0] ? error : library.describe(result.code));
  library.cleanup(handle);
  library.free_list(headers);
  return result;
}
