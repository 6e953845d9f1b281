// The published wire as test data: `routes.json` and `models.json` list every route and model of the published Python client.
// Facts only, extracted mechanically; each file explains its notation.

import { readFileSync } from 'node:fs'

export interface ReferenceField {
  readonly name: string
  readonly type: string
  readonly required: boolean
  readonly nullable?: boolean
}

export interface ReferenceRoute {
  readonly operation: string
  readonly method: string
  readonly path: string
  readonly path_params?: readonly ReferenceField[]
  readonly query?: readonly ReferenceField[]
  readonly headers?: readonly ReferenceField[]
  readonly body?: { readonly model: string; readonly required: boolean; readonly content_types: readonly string[] | null }
  readonly responses: Readonly<Record<string, { readonly type: string }>>
}

export type ReferenceModel =
  | { readonly kind: 'object'; readonly fields: readonly ReferenceField[]; readonly additional_properties?: string }
  | { readonly kind: 'enum'; readonly type: string; readonly values: readonly string[] }

const read = (name: string): unknown => JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8'))

export const referenceRoutes: ReadonlyMap<string, ReferenceRoute> = new Map(
  (read('routes.json') as { routes: ReferenceRoute[] }).routes.map((route) => [route.operation, route]),
)

export const referenceModels = (read('models.json') as { models: Readonly<Record<string, ReferenceModel>> }).models

/** Operations of the reference that we do not have. It may only get shorter. */
export const notBuilt = read('not-built.json') as readonly string[]

/**
 * Models that the client builds from all keys, so that one key more is a failure there. The extracted files call them open, as the
 * interface description does.
 */
export const closedModels: ReadonlySet<string> = new Set([
  'CompleteUploadResponse',
  'FileInfo',
  'MachineMetrics',
  'PreviewGrantInfo',
  'PreviewProxyTargetResponse',
  'PreviewReadinessResponse',
  'PreviewUrlResponse',
  'ProcessInfo',
  'RevokePreviewGrantResponse',
  'SearchMatch',
  'SignedUploadUrlResponse',
  'SnapshotInfo',
  'TemplateFailureDetail',
  'UploadFailureDetail',
  'UploadLimits',
  'UploadSessionInfo',
  'VolumeUploadLimits',
  'VolumeUploadSessionInfo',
])

/** A type expression of the reference, taken apart. */
export type ReferenceType =
  | { readonly is: 'scalar'; readonly name: 'string' | 'integer' | 'number' | 'boolean'; readonly format?: string }
  | { readonly is: 'any' | 'binary' | 'empty' | 'object' }
  | { readonly is: 'array' | 'map'; readonly of: ReferenceType }
  | { readonly is: 'union'; readonly members: readonly ReferenceType[] }
  | { readonly is: 'enum'; readonly values: readonly string[] }
  | { readonly is: 'model'; readonly name: string; readonly model: ReferenceModel & { kind: 'object' } }

export function parseType(text: string): ReferenceType {
  const members = splitUnion(text)
  if (members.length > 1) return { is: 'union', members: members.map(parseType) }
  const container = /^(array|map)<(.*)>$/.exec(text)
  if (container) return { is: container[1] as 'array' | 'map', of: parseType(container[2]!) }
  const scalar = /^(string|integer|number|boolean)(?:\((.*)\))?$/.exec(text)
  if (scalar) {
    const name = scalar[1] as 'string' | 'integer' | 'number' | 'boolean'
    return { is: 'scalar', name, ...(scalar[2] === undefined ? {} : { format: scalar[2] }) }
  }
  if (text === 'any' || text === 'binary' || text === 'empty' || text === 'object') return { is: text }
  return parseModel(text)
}

function parseModel(name: string): ReferenceType {
  const model = referenceModels[name]
  if (model === undefined) throw new Error(`the reference has no model ${name}`)
  if (model.kind === 'enum') return { is: 'enum', values: model.values }
  if (model.fields.length > 0) return { is: 'model', name, model }
  // A model without fields is a map, named because the generator of the client names everything.
  return model.additional_properties === undefined ? { is: 'object' } : { is: 'map', of: parseType(model.additional_properties) }
}

/** At ` | ` outside of angle brackets. */
function splitUnion(text: string): readonly string[] {
  const members: string[] = []
  let depth = 0
  let start = 0
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '<') depth++
    else if (text[at] === '>') depth--
    else if (depth === 0 && text.startsWith(' | ', at)) {
      members.push(text.slice(start, at))
      start = at + 3
    }
  }
  return [...members, text.slice(start)]
}
