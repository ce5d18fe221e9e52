import Testing

@Suite struct FarmPlaceholder {}
