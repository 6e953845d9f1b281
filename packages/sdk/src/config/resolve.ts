// Which key and which URL a client uses: explicit argument, environment, project `.env`, config files, default. Pure: what is
// read comes in as Sources, so that the order is a table in the test.

import { DEFAULT_BASE_URL, KEY_VARIABLES, URL_CONFIG_KEYS, URL_VARIABLES } from '@nullspace/contract/config-files.ts'

export type SourceName = 'explicit' | 'env' | '.env' | 'xdg-config' | 'legacy-config' | 'default' | 'none'

/** One place that was looked at, strongest first. Print `source`, `location` and whether there is a value, never a key's value. */
export interface Candidate {
  readonly source: SourceName
  /** E.g. `NULLSPACE_API_KEY` or `/home/me/.config/nullspace/config.json:api_key`. */
  readonly location: string
  readonly value: string | undefined
}

export interface Setting<Value extends string | undefined = string | undefined> {
  readonly value: Value
  readonly source: SourceName
  readonly candidates: readonly Candidate[]
}

export interface Config {
  readonly apiKey: Setting
  readonly baseUrl: Setting<string>
  /** Where `nullspace auth login` writes. */
  readonly configPath: string
  readonly legacyConfigPath: string
}

export interface Explicit {
  readonly apiKey?: string | undefined
  readonly baseUrl?: string | undefined
}

export interface Sources {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly home: string
  /** Text of a file; undefined when it is not there or not readable. */
  readonly readText: (path: string) => string | undefined
}

export function resolveConfig(explicit: Explicit, sources: Sources): Config {
  const dotEnvPath = `${sources.cwd}/.env`
  const dotEnv = parseDotEnv(sources.readText(dotEnvPath) ?? '')
  const configPath = `${clean(sources.env['XDG_CONFIG_HOME']) ?? `${sources.home}/.config`}/nullspace/config.json`
  const legacyConfigPath = `${sources.home}/.nullspace/config.json`
  const files = [
    { source: 'xdg-config', path: configPath, values: parseConfig(sources.readText(configPath)) },
    { source: 'legacy-config', path: legacyConfigPath, values: parseConfig(sources.readText(legacyConfigPath)) },
  ] as const

  const candidates = (variables: readonly string[], configKeys: readonly string[]): Candidate[] => [
    ...variables.map((name): Candidate => ({ source: 'env', location: name, value: clean(sources.env[name]) })),
    ...variables.map((name): Candidate => ({ source: '.env', location: `${dotEnvPath}:${name}`, value: clean(dotEnv.get(name)) })),
    ...configKeys.flatMap((key) =>
      files.map(({ source, path, values }): Candidate => ({ source, location: `${path}:${key}`, value: clean(values[key]) })),
    ),
  ]
  const given = (argument: string, value: string): Candidate[] => [{ source: 'explicit', location: argument, value: clean(value) }]

  const keys = explicit.apiKey === undefined ? candidates(KEY_VARIABLES, ['api_key']) : given('apiKey', explicit.apiKey)
  const urls = explicit.baseUrl === undefined ? candidates(URL_VARIABLES, URL_CONFIG_KEYS) : given('baseUrl', explicit.baseUrl)
  const url = first(urls, 'default')
  return {
    apiKey: first(keys, explicit.apiKey === undefined ? 'none' : 'explicit'),
    baseUrl: { ...url, value: url.value ?? DEFAULT_BASE_URL },
    configPath,
    legacyConfigPath,
  }
}

function first(candidates: readonly Candidate[], otherwise: SourceName): Setting {
  const winner = candidates.find(({ value }) => value !== undefined)
  return { value: winner?.value, source: winner?.source ?? otherwise, candidates }
}

const clean = (value: unknown): string | undefined => (typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined)

/** Plain `K=V` lines: `#` begins a comment line, quotes around a value fall away, nothing is expanded. */
function parseDotEnv(text: string): Map<string, string> {
  const values = new Map<string, string>()
  for (const line of text.split(/\r?\n/)) {
    const at = line.indexOf('=')
    if (at < 1 || line.trim().startsWith('#')) continue
    values.set(
      line.slice(0, at).trim(),
      line
        .slice(at + 1)
        .trim()
        .replace(/^['"]+|['"]+$/g, ''),
    )
  }
  return values
}

/** A file that is no JSON object counts as empty, as for the other clients of these files. */
function parseConfig(text: string | undefined): Readonly<Record<string, unknown>> {
  if (text === undefined) return {}
  try {
    const data: unknown = JSON.parse(text)
    return typeof data === 'object' && data !== null ? { ...data } : {}
  } catch {
    return {}
  }
}
