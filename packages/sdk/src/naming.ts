// snake_case on the wire, camelCase in TypeScript. Types and values are both derived from the contract's schemas: keys that a
// schema names are renamed, keys that belong to the user (metadata, environments) are left as they are.

import type { RouteSpec } from '@nullspace/contract/route.ts'

type CamelKey<Key extends string> = Key extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<CamelKey<Tail>>}` : Key

/** `T` with its declared keys in camelCase, all the way down; records stay as they are. */
export type Camel<T> = T extends readonly (infer Item)[]
  ? Camel<Item>[]
  : T extends object
    ? string extends keyof T
      ? T
      : { [K in keyof T as K extends string ? CamelKey<K> : K]: Camel<T[K]> }
    : T

type Schema = RouteSpec['success']['body']

/** The parts of a schema's definition that renaming needs; which of them are there depends on `type`. */
interface Definition {
  readonly type: string
  readonly shape?: Readonly<Record<string, Schema>>
  readonly element?: Schema
  readonly innerType?: Schema
}

/** Renames the keys of a value that `schema` has parsed. */
export function fromWire<S extends Schema>(schema: S, value: S['_zod']['output']): Camel<S['_zod']['output']> {
  // Sound: Camel<> above is this function on types.
  return rename(schema, value) as Camel<S['_zod']['output']>
}

function rename(schema: Schema, value: unknown): unknown {
  // The definition is the schema's public introspection; its static type does not show the parts per kind.
  const { type, shape, element, innerType } = schema._zod.def as unknown as Definition
  if (value === undefined || value === null) return value
  if (innerType !== undefined) return rename(innerType, value)
  if (type === 'array' && element !== undefined && Array.isArray(value)) return value.map((item) => rename(element, item))
  if (type === 'object' && shape !== undefined && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [camel(key), shape[key] ? rename(shape[key], item) : item]))
  }
  return value
}

const camel = (key: string): string => key.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
export const snake = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
