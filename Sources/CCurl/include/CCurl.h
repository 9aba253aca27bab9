// libcurl, opened at run time: performs one request at a time and passes on the response as it
// arrives.
#ifndef LAB_CURL_H
#define LAB_CURL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Receives some bytes; returning anything but `count` ends the request.
typedef size_t lab_curl_sink(const char *bytes, size_t count, void *context);

/// A request.
typedef struct {
  const char *url;
  const char *user_agent;
  /// The bearer token, sent only to the first host and not to hosts it redirects to, or NULL.
  const char *token;
  /// The first byte of the body to request; 0 for all of it.
  int64_t from;
  /// Requests only the headers.
  bool is_head;
  bool follows_redirects;
  /// Seconds without a byte after which a request has failed.
  long patience;
  /// Called for every header line of every response, and for the body.
  lab_curl_sink *on_header;
  lab_curl_sink *on_body;
  void *context;
} lab_curl_request;

/// The outcome of a request.
typedef struct {
  /// libcurl's CURLcode: 0 if a response arrived completely, whatever its status.
  int code;
  /// HTTP status of the last response, or 0 if there was none.
  long status;
  /// The error as text if `code` is not 0.
  char message[256];
} lab_curl_result;

/// Opens the library once. Returns NULL, or why it cannot be opened.
const char *lab_curl_open(void);

/// Performs a request and waits for its end. Call only after `lab_curl_open` returned NULL.
lab_curl_result lab_curl_perform(const lab_curl_request *request);

#endif
