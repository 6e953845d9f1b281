// The query of a request. What is no UTF-8 in it is kept: names of files are bytes (guest-protocol/names.ts).

import { nameOfBytes } from '@nullspace/guest-protocol/names.ts'
import { parse } from 'node:querystring'

export const parseQuery = (text: string): Record<string, unknown> =>
  parse(text, '&', '=', { decodeURIComponent: (part) => nameOfBytes(percentDecoded(part)) })

/** Of the URL, which is bytes as Latin-1; a percent sign that begins nothing stands for itself. */
function percentDecoded(text: string): Uint8Array {
  return Buffer.from(
    text.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  )
}
