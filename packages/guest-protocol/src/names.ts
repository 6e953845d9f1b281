// Names of files are bytes. Where text is needed, a byte that is no UTF-8 is the lone surrogate U+DC00 + byte, which no
// UTF-8 text holds, so that every name comes back as it was (Python calls that surrogateescape).

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const encoder = new TextEncoder()
const ESCAPE = 0xdc00

export function nameOfBytes(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    return escaped(bytes)
  }
}

export function bytesOfName(name: string): Uint8Array {
  if (name.isWellFormed()) return encoder.encode(name)
  const out: number[] = []
  for (const character of name) {
    const code = character.codePointAt(0) ?? 0
    if (code >= ESCAPE + 0x80 && code <= ESCAPE + 0xff) out.push(code - ESCAPE)
    else out.push(...encoder.encode(character))
  }
  return Uint8Array.from(out)
}

function escaped(bytes: Uint8Array): string {
  let text = ''
  let from = 0
  for (let at = 0; at < bytes.length;) {
    const length = lengthOf(bytes, at)
    if (length === 0) {
      if (at > from) text += utf8.decode(bytes.subarray(from, at))
      text += String.fromCharCode(ESCAPE + bytes[at]!)
      from = at + 1
    }
    at += Math.max(length, 1)
  }
  return text + utf8.decode(bytes.subarray(from))
}

/** Of the character that begins there, bytes; 0 when none does. Asking the decoder about each would take a guest's nonsense seconds. */
function lengthOf(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0
  const length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0
  if (length < 2) return length
  // Neither longer than it need be, nor a surrogate, nor past U+10FFFF.
  const least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80
  const most = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf
  for (let i = 1; i < length; i++) {
    const byte = bytes[at + i] ?? 0
    if (byte < (i === 1 ? least : 0x80) || byte > (i === 1 ? most : 0xbf)) return 0
  }
  return length
}
