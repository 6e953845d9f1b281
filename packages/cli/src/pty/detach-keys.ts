// How a person leaves a terminal that takes every key: Ctrl-] twice. A single one, with any other key behind it, is the terminal's.

const KEY = 0x1d

export const DETACH_KEYS = 'Ctrl-] twice'

interface Typed {
  /** For the terminal. */
  readonly bytes: Uint8Array
  readonly detach: boolean
}

/** A function that is given all that is typed, piece by piece. */
export function detachKeys(): (typed: Uint8Array) => Typed {
  let held = false
  return (typed) => {
    const bytes: number[] = []
    for (const byte of typed) {
      if (byte === KEY && held) return { bytes: Uint8Array.from(bytes), detach: true }
      if (held) bytes.push(KEY)
      held = byte === KEY
      if (!held) bytes.push(byte)
    }
    return { bytes: Uint8Array.from(bytes), detach: false }
  }
}
