import { createHash } from 'node:crypto'

/** For recognising a key without showing any of it. */
export const fingerprint = (key: string): string => `sha256:${createHash('sha256').update(key).digest('hex').slice(0, 12)}`
