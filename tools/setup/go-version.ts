// Which Go is wanted and which is offered. Pure text in, values out.

export type GoVersion = readonly [major: number, minor: number]

const oldest: GoVersion = [1, 22]

/** From go.mod's `go` line, never below what the agent's code assumes. */
export function requiredGo(goMod: string): GoVersion {
  const [, major, minor] = /^go (\d+)\.(\d+)/m.exec(goMod) ?? []
  const asked: GoVersion = [Number(major ?? 0), Number(minor ?? 0)]
  return newEnough(asked, oldest) ? asked : oldest
}

/** From the output of `go version`. */
export function parseGoVersion(text: string): GoVersion | undefined {
  const [, major, minor] = /\bgo(\d+)\.(\d+)/.exec(text) ?? []
  return major === undefined ? undefined : [Number(major), Number(minor)]
}

export function newEnough(found: GoVersion, required: GoVersion): boolean {
  return found[0] > required[0] || (found[0] === required[0] && found[1] >= required[1])
}

/** The newest `golang-1.N-go` in the output of `apt-cache search` that will do. */
export function newestGoPackage(search: string, required: GoVersion): string | undefined {
  const minors = [...search.matchAll(/^golang-1\.(\d+)-go\b/gm)].map((match) => Number(match[1]))
  const newest = Math.max(-1, ...minors)
  return newEnough([1, newest], required) ? `golang-1.${newest}-go` : undefined
}

/** The one-line source of a Debian release's backports, on the mirror that the host uses already. */
export function backportsSource(indexTargets: string, osRelease: string): string | undefined {
  const [, codename] = /^VERSION_CODENAME=["']?(\w+)/m.exec(osRelease) ?? []
  if (codename === undefined || !/^ID=["']?debian/m.test(osRelease)) return undefined
  const row = indexTargets
    .split('\n')
    .map((line) => line.split('|'))
    .find(([createdBy, , release, component]) => createdBy === 'Packages' && release === codename && component === 'main')
  return row?.[1] === undefined ? undefined : `deb ${row[1]} ${codename}-backports main`
}
