// Names of files are bytes. In text, a byte that is no UTF-8 is the lone surrogate U+DC00 + byte; in a query it is itself.

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const encoder = new TextEncoder()
/** Characters of UTF-8, in bytes read as Latin-1 (RFC 3629, 4); else one byte that is none. */
const CHARACTERS =
  /((?:[\0-\x7f]|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})+)|[^]/g

export function nameOfBytes(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    const latin1 = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')
    return latin1.replaceAll(CHARACTERS, (all, text?: string) =>
      text === undefined ? String.fromCharCode(0xdc00 + all.charCodeAt(0)) : utf8.decode(Uint8Array.from(text, (one) => one.charCodeAt(0))),
    )
  }
}

export function bytesOfName(name: string): Uint8Array {
  if (name.isWellFormed()) return encoder.encode(name)
  return Uint8Array.from(Array.from(name).flatMap((one) => escapedByte(one) ?? [...encoder.encode(one)]))
}

/** A value in a query. */
export function inQuery(text: string): string {
  if (text.isWellFormed()) return encodeURIComponent(text)
  return Array.from(text, (one) => {
    const byte = escapedByte(one)
    return byte === undefined ? encodeURIComponent(one.toWellFormed()) : `%${byte.toString(16).toUpperCase()}`
  }).join('')
}

function escapedByte(character: string): number | undefined {
  const byte = (character.codePointAt(0) ?? 0) - 0xdc00
  return byte >= 0x80 && byte <= 0xff ? byte : undefined
}
