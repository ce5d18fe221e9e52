import Testing

@Suite struct JobsPlaceholder {}
