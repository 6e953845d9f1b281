// Judges imports by the table of arrows. Pure: paths and texts in, violations out.
import { posix } from 'node:path'
import { areas, arrows, hypervisorWord, processEnv, testsMayImport, type Area, type Target } from './boundary-table.ts'
import { sourceFacts, type ImportFact } from './source-facts.ts'

export interface SourceFile {
  readonly path: string
  readonly text: string
}

/** One sentence each: `file:line  arrow: reason`. */
export function boundaryViolations(files: readonly SourceFile[]): readonly string[] {
  return files.flatMap((file) => {
    const facts = sourceFacts(file.path, file.text)
    return [
      ...placement(file.path),
      ...facts.imports.flatMap((one) => judgeImport(file.path, one) ?? []),
      ...(readsEnvironmentFreely(file.path)
        ? []
        : [...new Set(facts.envReads)].map((line) => `${file.path}:${line}  reads process.env: ${processEnv.because}`)),
      ...hypervisorWords(file),
    ]
  })
}

function isTestFile(path: string): boolean {
  return /\.test\.tsx?$/.test(path) || /^packages\/[^/]+\/(test|src\/.*\/testing)\//.test(path)
}

function placement(path: string): readonly string[] {
  if (areaOf(path) !== undefined || !/^packages\/[^/]+\/src\//.test(path) || isTestFile(path)) return []
  return [`${path}:1  stands in no area of tools/check/boundary-table.ts: say there what it may import, and why`]
}

function judgeImport(path: string, { specifier, line, typeOnly }: ImportFact): string | undefined {
  const at = `${path}:${line}`
  const from = areaOf(path)
  if (from === undefined) return undefined

  const target = resolveImport(path, specifier)
  // Test helpers are exported by no package, so tests share them by path.
  if (target.kind === 'file' && isTestFile(path) && isTestFile(target.path)) return undefined
  if (
    target.kind === 'file' &&
    specifier.startsWith('.') &&
    from !== 'tools' &&
    isPackage(target.path) &&
    packageOf(path) !== packageOf(target.path)
  ) {
    return `${at}  imports ${specifier}, a path into another package: use its name (@nullspace/…), so that package.json tells the truth`
  }
  const to = target.kind === 'file' ? areaOf(target.path) : undefined
  if (target.kind === 'file' && to === undefined) return undefined
  if (to === from) return undefined
  // bench/ is a tool in a folder of its own: it sets a host up as quickstart does.
  if (to === 'tools' && from !== 'bench') return `${at}  ${from} -> tools: tools are imported by nothing`

  const name = target.kind === 'file' ? (to ?? '') : `${target.kind}:${target.name}`
  const arrow = arrows.find((one) => one.from === from)
  const allowed = [...(arrow?.mayImport ?? []), ...(isTestFile(path) ? testsMayImport : [])]
  if (allowed.some((one) => permits(one, name, typeOnly))) return undefined
  if (isTestFile(path) && target.kind === 'file' && packageOf(path) === packageOf(target.path)) return undefined
  return `${at}  ${from} -> ${name} (${specifier}): ${arrow?.because ?? 'no arrow starts there'}`
}

function permits(target: Target, name: string, typeOnly: boolean): boolean {
  if (target === '*') return true
  if (target.startsWith('types:')) return typeOnly && permits(target.slice('types:'.length) as Target, name, typeOnly)
  if (target.endsWith('*')) return name.startsWith(target.slice(0, -1))
  return name === target
}

type Resolved = { readonly kind: 'file'; readonly path: string } | { readonly kind: 'npm' | 'node'; readonly name: string }

function resolveImport(path: string, specifier: string): Resolved {
  if (specifier.startsWith('.')) return { kind: 'file', path: posix.join(posix.dirname(path), specifier) }
  if (specifier.startsWith('node:')) return { kind: 'node', name: specifier.slice('node:'.length) }
  const [scopeOrName = '', second = '', ...rest] = specifier.split('/')
  if (scopeOrName === '@nullspace') return { kind: 'file', path: `packages/${second}/src/${rest.join('/') || 'index.ts'}` }
  return { kind: 'npm', name: scopeOrName.startsWith('@') ? `${scopeOrName}/${second}` : scopeOrName }
}

export function areaOf(path: string): Area | undefined {
  let best: Area | undefined
  for (const area of Object.keys(areas) as Area[]) {
    const prefix = areas[area]
    const fits = prefix.endsWith('/') ? path.startsWith(prefix) : path === prefix
    if (fits && (best === undefined || prefix.length > areas[best].length)) best = area
  }
  return best
}

function isPackage(path: string): boolean {
  return path.startsWith('packages/')
}

function packageOf(path: string): string {
  return /^packages\/[^/]+/.exec(path)?.[0] ?? path.split('/')[0] ?? ''
}

function readsEnvironmentFreely(path: string): boolean {
  return isTestFile(path) || !startsWithAny(path, processEnv.within) || startsWithAny(path, processEnv.readers)
}

function hypervisorWords({ path, text }: SourceFile): readonly string[] {
  const { pattern, within, allowed, allowedNames, because } = hypervisorWord
  if (isTestFile(path) || !startsWithAny(path, within) || startsWithAny(path, allowed) || allowedNames.test(path)) return []
  return text.split('\n').flatMap((line, i) => (pattern.test(line) ? [`${path}:${i + 1}  names the hypervisor: ${because}`] : []))
}

function startsWithAny(path: string, prefixes: readonly string[]): boolean {
  return prefixes.some((prefix) => path.startsWith(prefix))
}
