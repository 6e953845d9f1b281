// What a file is written from.

/** Text, bytes, or a stream of either, which is sent as it comes. */
export type FileContent = string | Uint8Array | AsyncIterable<Uint8Array | string> | ReadableStream<Uint8Array>

const PIECE = 256 * 1024
const encoder = new TextEncoder()

/** All of it as bytes; undefined for a stream. */
export function bytesIn(content: FileContent): Uint8Array | undefined {
  if (typeof content === 'string') return encoder.encode(content)
  return content instanceof Uint8Array ? content : undefined
}

/** In pieces. A stream can be gone through once. */
export async function* piecesOf(content: FileContent): AsyncGenerator<Uint8Array, void, undefined> {
  const whole = bytesIn(content)
  if (whole) {
    for (let at = 0; at < whole.length; at += PIECE) yield whole.subarray(at, at + PIECE)
    return
  }
  for await (const piece of iterable(content as Exclude<FileContent, string | Uint8Array>)) {
    const bytes = typeof piece === 'string' ? encoder.encode(piece) : piece
    if (bytes.length > 0) yield bytes
  }
}

/** A web stream is iterable almost everywhere. */
function iterable(stream: AsyncIterable<Uint8Array | string> | ReadableStream<Uint8Array>): AsyncIterable<Uint8Array | string> {
  return Symbol.asyncIterator in stream ? stream : read(stream)
}

async function* read(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = stream.getReader()
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value
  } finally {
    await reader.cancel()
  }
}
