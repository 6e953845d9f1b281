// Values of the SDK as the API writes them: what `--json` prints has the names of the wire.

/** Keys of these belong to the user. */
const OPAQUE = new Set(['metadata', 'envs'])

export function toWire(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toWire)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [snake(key), OPAQUE.has(key) ? item : toWire(item)]))
}

const snake = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
