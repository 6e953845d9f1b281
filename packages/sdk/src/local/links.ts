// Whether symlinks of a tree stay within it.

/** Followed one after another; more are a circle. */
const MOST_FOLLOWED = 40

/**
 * Whether the symlink `name` leads to somewhere outside. `links`: those of the tree by their names, which it may lead through. A path
 * that is nowhere counts by where it would be.
 */
export function leadsOut(name: string, target: string, links: ReadonlyMap<string, string> = new Map()): boolean {
  const at = name.split('/').slice(0, -1)
  const ahead = partsOf(target)
  if (ahead === undefined) return true
  let followed = 0
  for (let part = ahead.shift(); part !== undefined; part = ahead.shift()) {
    if (part === '..') {
      if (at.pop() === undefined) return true
      continue
    }
    at.push(part)
    const next = links.get(at.join('/'))
    if (next === undefined) continue
    at.pop()
    const parts = partsOf(next)
    followed += 1
    if (parts === undefined || followed > MOST_FOLLOWED) return true
    ahead.unshift(...parts)
  }
  return false
}

/** Undefined of one that is absolute, or none. */
function partsOf(target: string): string[] | undefined {
  if (target === '' || target.startsWith('/') || target.includes('\0')) return undefined
  return target.split('/').filter((part) => part !== '' && part !== '.')
}
