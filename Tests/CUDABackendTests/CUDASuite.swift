import Testing

/// Everything that uses the fake card, one test after another: it is one for the process.
@Suite(.serialized) struct CUDASuite {}
