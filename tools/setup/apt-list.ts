// The lists of Debian packages, and what dpkg says about them. Pure text in, values out.

/** Package names for this CPU; `#` starts a comment, `[arch]` limits a line to one. */
export function parseAptList(text: string, arch: string): readonly string[] {
  return text.split('\n').flatMap((line) => {
    const [, name, only] = /^\s*([a-z0-9][a-z0-9.+-]*)\s*(?:\[(\w+)\])?\s*(?:#.*)?$/.exec(line) ?? []
    if (name === undefined) {
      if (line.replace(/#.*/, '').trim() !== '') throw new Error(`not a package name: "${line.trim()}"`)
      return []
    }
    return only === undefined || only === arch ? [name] : []
  })
}

/** What of `wanted` is not fully installed, given the output of dpkg-query in `dpkgFormat`. */
export function missingPackages(wanted: readonly string[], dpkgOutput: string): readonly string[] {
  const installed = new Set<string>()
  for (const line of dpkgOutput.split('\n')) {
    const [name, status, provides] = line.split('\t')
    if (name === undefined || status !== 'ii ') continue
    installed.add(name)
    for (const provided of (provides ?? '').split(',')) installed.add(provided.replace(/\(.*/, '').trim())
  }
  return [...new Set(wanted)].filter((name) => !installed.has(name)).sort()
}

/** The arguments of the one dpkg-query call that `missingPackages` understands; it lists every package, so provided names count too. */
// oxlint-disable-next-line no-template-curly-in-string -- dpkg's own placeholders
export const dpkgQuery = ['-W', '-f', '${Package}\t${db:Status-Abbrev}\t${Provides}\n'] as const
