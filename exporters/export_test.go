package exporters

// DefaultMaxScrapes is for the test of the page of limits.
const DefaultMaxScrapes = defaultMaxScrapes
