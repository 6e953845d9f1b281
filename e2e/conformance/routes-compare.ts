// Compares a route of ours with the one of the same operation in the reference.

import { BYTES, type RouteSpec } from '@nullspace/contract/route.ts'
import type { z } from 'zod'
import { answerDifferences, requestDifferences } from './compare.ts'
import { parseType, type ReferenceField, type ReferenceRoute, type ReferenceType } from './reference.ts'
import { jsonSchema } from './schema.ts'

const OCTETS = 'application/octet-stream'
const FORM = 'multipart/form-data'

/** `complete`: the answer without a field mask, where the route takes one and its own answer is partial therefore. */
export function routeDifferences(theirs: ReferenceRoute, ours: RouteSpec, complete?: z.ZodType): readonly string[] {
  return [
    ...(ours.method === theirs.method ? [] : [`method: ours is ${ours.method}, theirs ${theirs.method}`]),
    ...(ours.path === theirs.path ? [] : [`path: ours is ${ours.path}, theirs ${theirs.path}`]),
    ...textParamDifferences('path', theirs.path_params, ours.params),
    ...textParamDifferences('query', theirs.query, ours.query),
    ...textParamDifferences('header', theirs.headers, ours.headers),
    ...bodyDifferences(theirs, ours),
    ...successDifferences(theirs, ours, complete),
  ]
}

/** Parameters that arrive as text. What a schema accepts is tried, for coercion hides it from the JSON Schema. */
function textParamDifferences(
  kind: 'path' | 'query' | 'header',
  theirs: readonly ReferenceField[] = [],
  ours: z.ZodObject | undefined,
): readonly string[] {
  const shape = (ours?.shape ?? {}) as Readonly<Record<string, z.ZodType>>
  // Header names reach us in lower case.
  const wireName = (name: string): string => (kind === 'header' ? name.toLowerCase() : name)
  const known = new Map(theirs.map((field) => [wireName(field.name), field]))
  const unasked = Object.entries(shape).filter(([name, schema]) => !known.get(name)?.required && !schema.safeParse(undefined).success)
  return [
    ...unasked.map(([name]) => `${kind} ${name}: we require it, they ${known.has(name) ? 'may leave it out' : 'do not know it'}`),
    ...[...known].flatMap(([name, field]) => {
      const schema = shape[name]
      if (schema === undefined) return [`${kind} ${name}: we do not have it`]
      return samples(parseType(field.type))
        .filter((sample) => !schema.safeParse(sample).success)
        .map((sample) => `${kind} ${name}: we refuse ${sample}`)
    }),
  ]
}

function samples(type: ReferenceType): readonly string[] {
  switch (type.is) {
    case 'enum':
      return type.values
    case 'scalar':
      if (type.format === 'uuid') return ['6f1c2b0a-7c53-4f6e-9d0e-1a2b3c4d5e6f']
      if (type.format === 'date-time') return ['2026-01-01T00:00:00Z']
      return { string: ['text'], integer: ['1'], number: ['1', '1.5'], boolean: ['true', 'false'] }[type.name]
    default:
      return ['text']
  }
}

function bodyDifferences(theirs: ReferenceRoute, ours: RouteSpec): readonly string[] {
  if (ours.upload) return uploadDifferences(theirs, ours)
  if (theirs.body === undefined) return ours.body && !ours.body.safeParse(undefined).success ? ['body: we require one, they send none'] : []
  if (ours.body === undefined) return ['body: they send one, we read none']
  const schema = jsonSchema(ours.body, 'input')
  return requestDifferences(parseType(theirs.body.model), schema, theirs.body.model)
}

/** A body that is no JSON: by content type, and of a form its parts. */
function uploadDifferences(theirs: ReferenceRoute, { upload, form }: RouteSpec): readonly string[] {
  const types = upload === 'bytes' || (form && 'file' in form.shape) ? [OCTETS] : []
  if (upload === 'parts') types.push(FORM)
  const refused = (theirs.body?.content_types ?? []).filter((type) => !types.includes(type))
  const parsed = theirs.body ? parseType(theirs.body.model) : undefined
  const models = (parsed?.is === 'union' ? parsed.members : [parsed]).filter((one) => one?.is === 'model')
  return [
    ...(theirs.body ? [] : ['body: they send none']),
    ...refused.map((type) => `body: they send ${type}, we read ${types.join(', ')}`),
    ...(form ? models.flatMap((one) => requestDifferences(one as ReferenceType, jsonSchema(form, 'input'), 'form')) : []),
  ]
}

function successDifferences(theirs: ReferenceRoute, ours: RouteSpec, complete: z.ZodType | undefined): readonly string[] {
  const { status, body } = ours.success
  const documented = theirs.responses[status]
  if (documented === undefined || status >= 300)
    return [
      `status: ours is ${status}, theirs ${Object.keys(theirs.responses)
        .filter((one) => Number(one) < 300)
        .join(', ')}`,
    ]
  const type = parseType(documented.type)
  if ((type.is === 'binary') !== (body === BYTES))
    return [`answer: ours is ${body === BYTES ? '' : 'not '}binary, theirs ${documented.type}`]
  const schema = jsonSchema(body, 'output')
  if (complete === undefined) return answerDifferences(type, schema, documented.type)
  return [
    ...answerDifferences(type, jsonSchema(complete, 'output'), documented.type),
    // The mask may take any field away, but must not change what is left.
    ...answerDifferences(type, schema, documented.type).filter((difference) => !difference.endsWith('we may leave it out')),
  ]
}
