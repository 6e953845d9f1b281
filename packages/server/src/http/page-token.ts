// A page's token names the last item shown, so that pages are stable while machines come and go.

import type { PageKey } from '../domain/page-key.ts'

export function encodeToken(key: PageKey): string {
  return Buffer.from(JSON.stringify([key.createdAt, key.id])).toString('base64url')
}

/** Null for anything that encodeToken did not make. */
export function decodeToken(token: string): PageKey | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'))
    if (!Array.isArray(value) || value.length !== 2) return null
    const [createdAt, id] = value as [unknown, unknown]
    return typeof createdAt === 'number' && Number.isSafeInteger(createdAt) && typeof id === 'string' ? { createdAt, id } : null
  } catch {
    return null
  }
}
