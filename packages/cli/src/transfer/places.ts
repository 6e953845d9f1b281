// Where a copy goes, as cp sees it.

import { posix } from 'node:path'
import { usageError } from '../core/failure.ts'

/** The directory to put something in, rather than its own new path: `.`, `..`, what ends with one of them or with a slash. */
const isInto = (place: string): boolean => /(^|\/)\.{0,2}$/.test(place)

/** In a machine, as the SDK takes it: with a slash behind a directory to put it in. */
export const remotePlace = (place: string): string =>
  place !== '' && !place.endsWith('/') && (isInto(place) || place === '~') ? `${place}/` : place

/** On this side, for what is at `remote`. */
export function localPlace(place: string, remote: string): string {
  if (!isInto(place)) return place
  const name = posix.basename(remote)
  if (isInto(name) || name === '~') throw usageError(`${remote} has no name of its own`, 'Give the local path in full.')
  return posix.join(place === '' ? '.' : place, name)
}
