// libcurl, opened at run time: one request at a time, with what came back handed on as it comes.
#ifndef LAB_CURL_H
#define LAB_CURL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Takes some bytes; anything but `count` ends the request.
typedef size_t lab_curl_sink(const char *bytes, size_t count, void *context);

/// What to ask for.
typedef struct {
  const char *url;
  const char *user_agent;
  /// Sent to the first host alone, or NULL.
  const char *token;
  /// Where the body is to begin; 0 for all of it.
  int64_t from;
  /// Headers alone.
  bool is_head;
  bool follows_redirects;
  /// Seconds without a byte after which a request has failed.
  long patience;
  /// Every header line of every answer, and the body.
  lab_curl_sink *on_header;
  lab_curl_sink *on_body;
  void *context;
} lab_curl_request;

/// How it went.
typedef struct {
  /// libcurl's CURLcode: 0 where an answer came whole, whatever its status.
  int code;
  /// HTTP status of the last answer, 0 where none came.
  long status;
  /// In words where `code` is not 0.
  char message[256];
} lab_curl_result;

/// Opens the library once; NULL, or why it cannot be opened.
const char *lab_curl_open(void);

/// Carries a request out and waits for its end. Only after `lab_curl_open` gave NULL.
lab_curl_result lab_curl_perform(const lab_curl_request *request);

#endif
