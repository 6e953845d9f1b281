// Compares a type of the reference with a schema of ours, in either direction. A difference is one sentence with its place.

import { closedModels, parseType, type ReferenceField, type ReferenceType } from './reference.ts'
import { alternatives, describe, enumValues, isAny, isNull, type JsonSchema } from './schema.ts'

/** Differences that would make a request of the published client fail: we must accept all it may send. */
export function requestDifferences(theirs: ReferenceType, ours: JsonSchema, at: string): readonly string[] {
  const mine = alternatives(ours).filter((one) => !isNull(one))
  if (mine.some(isAny)) return []
  switch (theirs.is) {
    case 'union':
      return theirs.members.flatMap((member) => requestDifferences(member, ours, at))
    case 'scalar':
      return mine.some((one) => acceptsScalar(theirs, one)) ? [] : [`${at}: we accept ${list(mine)}, they send ${scalarName(theirs)}`]
    case 'enum': {
      const refused = theirs.values.filter(
        (value) => !mine.some((one) => one.type === 'string' && (enumValues(one)?.includes(value) ?? true)),
      )
      return refused.length === 0 ? [] : [`${at}: we refuse ${refused.join(', ')}`]
    }
    case 'array':
      return nested(mine, 'array', at, (one) => requestDifferences(theirs.of, one.items ?? {}, `${at}[]`))
    case 'map':
      return nested(mine, 'object', at, (one) => (one.properties ? [`${at}: we want fixed fields`] : mapDifferences(theirs.of, one, at)))
    case 'model':
      return nested(mine, 'object', at, (one) =>
        one.properties ? requestFields(theirs.model.fields, one, at) : mapDifferences({ is: 'any' }, one, at),
      )
    case 'any':
    case 'object':
      return mine.some((one) => one.type === 'object') ? [] : [`${at}: we accept ${list(mine)}, they send anything`]
    case 'binary':
      return mine.some((one) => one.format === 'binary') ? [] : [`${at}: we accept ${list(mine)}, they send bytes`]
    case 'empty':
      return [`${at}: ${theirs.is} stands for no JSON`]
  }
}

function requestFields(fields: readonly ReferenceField[], ours: JsonSchema, at: string): readonly string[] {
  const required = new Set(ours.required)
  const theirs = new Map(fields.map((field) => [field.name, field]))
  return [
    ...[...required]
      .filter((name) => !theirs.get(name)?.required)
      .map((name) => `${at}.${name}: we require it, ${theirs.has(name) ? 'they may leave it out' : 'they do not know it'}`),
    ...fields.flatMap((field) => {
      const mine = ours.properties?.[field.name]
      if (mine === undefined) return ours.additionalProperties === false ? [`${at}.${field.name}: we do not accept it`] : []
      const refusesNull = field.nullable === true && !alternatives(mine).some((one) => isNull(one) || isAny(one))
      return [
        ...(refusesNull ? [`${at}.${field.name}: they may send null, we refuse it`] : []),
        ...requestDifferences(parseType(field.type), mine, `${at}.${field.name}`),
      ]
    }),
  ]
}

/** Differences that would make the published client fail on an answer of ours. */
export function answerDifferences(theirs: ReferenceType, ours: JsonSchema, at: string): readonly string[] {
  return alternatives(ours)
    .filter((one) => !isNull(one))
    .flatMap((one) => alternativeDifferences(theirs, one, at))
}

function alternativeDifferences(theirs: ReferenceType, ours: JsonSchema, at: string): readonly string[] {
  switch (theirs.is) {
    case 'union': {
      const alike = theirs.members.filter(
        (member) => jsonKind(member) === (ours.type === 'array' || ours.type === 'object' ? ours.type : 'scalar'),
      )
      return fewest((alike.length > 0 ? alike : theirs.members).map((member) => alternativeDifferences(member, ours, at)))
    }
    case 'scalar':
      return sendsScalar(theirs, ours) ? [] : [`${at}: we send ${describe(ours)}, they read ${scalarName(theirs)}`]
    case 'enum':
      return enumDifferences(theirs.values, ours, at)
    case 'array':
      return ours.type === 'array'
        ? answerDifferences(theirs.of, ours.items ?? {}, `${at}[]`)
        : [`${at}: we send ${describe(ours)}, not an array`]
    case 'map':
      if (ours.type !== 'object') return [`${at}: we send ${describe(ours)}, not an object`]
      return theirs.of.is === 'any' ? [] : answerDifferences(theirs.of, valueSchema(ours), `${at}{}`)
    case 'model':
      return ours.type === 'object' ? answerFields(theirs, ours, at) : [`${at}: we send ${describe(ours)}, not an object`]
    case 'object':
      return ours.type === 'object' ? [] : [`${at}: we send ${describe(ours)}, not an object`]
    case 'any':
      return []
    case 'binary':
    case 'empty':
      return isAny(ours) || isNull(ours) ? [] : [`${at}: we send ${describe(ours)}, they read no JSON`]
  }
}

function answerFields(theirs: ReferenceType & { is: 'model' }, ours: JsonSchema, at: string): readonly string[] {
  const known = new Set(theirs.model.fields.map((field) => field.name))
  const extra = closedModels.has(theirs.name) ? Object.keys(ours.properties ?? {}).filter((name) => !known.has(name)) : []
  return [
    ...extra.map((name) => `${at}.${name}: ${theirs.name} is closed, no field may be added`),
    ...theirs.model.fields.flatMap((field) => answerField(field, ours, `${at}.${field.name}`)),
  ]
}

function answerField(field: ReferenceField, ours: JsonSchema, at: string): readonly string[] {
  const mine = ours.properties?.[field.name]
  if (mine === undefined) return field.required ? [`${at}: they require it, we do not have it`] : []
  return [
    ...(field.required && !ours.required?.includes(field.name) ? [`${at}: they require it, we may leave it out`] : []),
    ...(!field.nullable && alternatives(mine).some(isNull) ? [`${at}: we may send null, they fail on it; leave it out`] : []),
    ...answerDifferences(parseType(field.type), mine, at),
  ]
}

function enumDifferences(theirs: readonly string[], ours: JsonSchema, at: string): readonly string[] {
  if (ours.const !== undefined) return theirs.includes(String(ours.const)) ? [] : [`${at}: they do not know ${describe(ours)}`]
  const mine = ours.enum?.map(String)
  if (mine === undefined) return [`${at}: we send ${describe(ours)}, they read one of ${theirs.join(', ')}`]
  const unknown = mine.filter((value) => !theirs.includes(value))
  const missing = theirs.filter((value) => !mine.includes(value))
  return [
    ...(unknown.length > 0 ? [`${at}: they do not know ${unknown.join(', ')}`] : []),
    ...(missing.length > 0 ? [`${at}: we do not have ${missing.join(', ')}`] : []),
  ]
}

type Scalar = ReferenceType & { is: 'scalar' }

function acceptsScalar(theirs: Scalar, ours: JsonSchema): boolean {
  if (enumValues(ours)) return false
  if (theirs.name === 'integer') return ours.type === 'integer' || ours.type === 'number'
  return ours.type === theirs.name
}

function sendsScalar(theirs: Scalar, ours: JsonSchema): boolean {
  if (theirs.format !== undefined && ours.format !== theirs.format) return false
  const type = ours.type ?? typeof enumValues(ours)?.[0]
  return type === theirs.name || (theirs.name === 'number' && type === 'integer')
}

function mapDifferences(theirs: ReferenceType, ours: JsonSchema, at: string): readonly string[] {
  const values = valueSchema(ours)
  return isAny(values) ? [] : requestDifferences(theirs, values, `${at}{}`)
}

function valueSchema(ours: JsonSchema): JsonSchema {
  return typeof ours.additionalProperties === 'object' ? ours.additionalProperties : {}
}

function nested(mine: readonly JsonSchema[], type: string, at: string, compare: (one: JsonSchema) => readonly string[]): readonly string[] {
  const fitting = mine.filter((one) => one.type === type)
  if (fitting.length === 0) return [`${at}: we accept ${list(mine)}, they send ${type === 'array' ? 'an array' : 'an object'}`]
  return fewest(fitting.map(compare))
}

const fewest = (tries: readonly (readonly string[])[]): readonly string[] => tries.toSorted((a, b) => a.length - b.length)[0] ?? []

function jsonKind(type: ReferenceType): 'array' | 'object' | 'scalar' {
  if (type.is === 'array') return 'array'
  return type.is === 'scalar' || type.is === 'enum' ? 'scalar' : 'object'
}

const list = (schemas: readonly JsonSchema[]): string => schemas.map(describe).join(' or ')
const scalarName = ({ name, format }: Scalar): string => (format === undefined ? name : `${name}(${format})`)
