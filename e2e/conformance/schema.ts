// Our side: a zod schema as the JSON Schema it means, reduced to what can be compared.

import { z } from 'zod'

export interface JsonSchema {
  readonly type?: string | readonly string[]
  readonly format?: string
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly items?: JsonSchema
  readonly additionalProperties?: boolean | JsonSchema
  readonly anyOf?: readonly JsonSchema[]
  readonly oneOf?: readonly JsonSchema[]
  readonly $ref?: string
}

/** `input`: what may be sent to us; `output`: what we send. */
export function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const out = z.toJSONSchema(schema, { io, unrepresentable: 'any', reused: 'inline' }) as JsonSchema
  if (JSON.stringify(out).includes('"$ref"')) throw new Error('a schema that holds itself cannot be compared')
  return out
}

/** The alternatives a value may be, null among them as `{ type: 'null' }`. */
export function alternatives(schema: JsonSchema): readonly JsonSchema[] {
  const union = schema.anyOf ?? schema.oneOf
  if (union) return union.flatMap(alternatives)
  if (typeof schema.type === 'object') return schema.type.map((type) => ({ ...schema, type }))
  return [schema]
}

export const isNull = (schema: JsonSchema): boolean => schema.type === 'null'

/** Without any statement: anything is allowed. */
export const isAny = (schema: JsonSchema): boolean =>
  schema.type === undefined && schema.enum === undefined && schema.const === undefined && schema.properties === undefined

/** The closed list of strings a schema allows, if it is one. */
export function enumValues(schema: JsonSchema): readonly unknown[] | undefined {
  return schema.const === undefined ? schema.enum : [schema.const]
}

export function describe(schema: JsonSchema): string {
  const values = enumValues(schema)
  if (values) return values.map((value) => JSON.stringify(value)).join(' | ')
  return schema.format === undefined ? String(schema.type ?? 'any') : `${String(schema.type)}(${schema.format})`
}
