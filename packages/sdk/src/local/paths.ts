// Local paths, of which some names are no UTF-8.

import { fileURLToPath } from 'node:url'
import { bytesOfName } from '../names.ts'

/** As the file system takes it. */
export const localPath = (path: string): string | Buffer => (path.isWellFormed() ? path : Buffer.from(bytesOfName(path)))

/** What no name on this side may hold, besides a slash. */
export const FOREIGN = process.platform === 'win32' ? /[\\:\0]/ : /\0/

export const pathOf = (path: string | URL): string => (path instanceof URL ? fileURLToPath(path) : path)
