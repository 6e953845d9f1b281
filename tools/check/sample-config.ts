// Every setting that the daemon reads stands in the sample config, and nothing else does.
import { existsSync, readFileSync } from 'node:fs'
import { inRepo } from '../lib/repo.ts'
import { count } from '../lib/text.ts'
import type { Check, Finding } from './check.ts'

const schemaFile = 'packages/server/src/config.ts'
const sampleFile = 'deploy/config.sample.json'

/** For tests alone, so not for the sample. */
const unlisted = ['crash_at']

interface Schema {
  readonly toJSONSchema: (options: object) => unknown
  readonly safeParse: (value: unknown) => { readonly success: boolean; readonly error?: { readonly message: string } }
}

/** config.ts exports its zod object as `ConfigFile`. */
export const sampleConfig: Check = {
  name: 'sample config',
  run: async () => {
    if (!existsSync(inRepo(schemaFile))) return { problems: [], skipped: `${schemaFile} is not in this tree` }
    const { ConfigFile: schema } = (await import(inRepo(schemaFile))) as { ConfigFile?: Schema }
    if (!schema) return { problems: [`${schemaFile} exports no ConfigFile to compare ${sampleFile} with`] }
    const sample: unknown = JSON.parse(readFileSync(inRepo(sampleFile), 'utf8'))
    const parsed = schema.safeParse(sample)
    const known = schemaKeys(schema.toJSONSchema({ io: 'input', unrepresentable: 'any' })).filter((key) => !unlisted.includes(key))
    const keys = compareKeys(known, valueKeys(sample))
    return parsed.success ? keys : { ...keys, problems: [...keys.problems, `${sampleFile} is not valid: ${parsed.error?.message}`] }
  },
}

export function compareKeys(known: readonly string[], sample: readonly string[]): Finding {
  return {
    problems: [
      ...known.filter((key) => !sample.includes(key)).map((key) => `${sampleFile} lacks "${key}", which ${schemaFile} reads`),
      ...sample.filter((key) => !known.includes(key)).map((key) => `${sampleFile} has "${key}", which ${schemaFile} does not know`),
    ],
    looked: count(known.length, 'key'),
  }
}

/** Dotted paths of the leaves of a JSON schema's objects. */
export function schemaKeys(schema: unknown, prefix = ''): readonly string[] {
  const { properties } = schema as { properties?: Record<string, unknown> }
  if (!properties) return prefix === '' ? [] : [prefix]
  return Object.entries(properties).flatMap(([key, value]) => schemaKeys(value, prefix === '' ? key : `${prefix}.${key}`))
}

export function valueKeys(value: unknown, prefix = ''): readonly string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [prefix]
  return Object.entries(value).flatMap(([key, inner]) => valueKeys(inner, prefix === '' ? key : `${prefix}.${key}`))
}
