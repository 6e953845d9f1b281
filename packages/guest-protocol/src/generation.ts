/**
 * Counts the forms of this protocol. A guest in memory keeps the agent it was made with, so a host speaks every
 * generation from MIN_GENERATION on, and each side uses the highest that both know.
 */
export const GENERATION = 3
export const MIN_GENERATION = 1
