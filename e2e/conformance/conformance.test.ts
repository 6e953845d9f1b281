// The contract against the published wire, route by route and field by field. No daemon: both sides are data.

import { MachineInfo } from '@nullspace/contract/machines.ts'
import { CHANNELS, type ChannelSpec } from '@nullspace/contract/channels.ts'
import type { RouteSpec } from '@nullspace/contract/route.ts'
import { ROUTES } from '@nullspace/contract/routes.ts'
import { TemplateInfo } from '@nullspace/contract/templates.ts'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { answerDifferences, requestDifferences } from './compare.ts'
import { deliberate } from './deliberate.ts'
import { notBuilt, parseType, referenceModels, referenceRoutes } from './reference.ts'
import { routeDifferences } from './routes-compare.ts'
import { jsonSchema } from './schema.ts'

/** Routes that the published wire does not have. */
const OURS = [
  'getHostStatus',
  'forkMachineMany',
  'getLineage',
  'getHostMetrics',
  'signedDownload',
  'signedUpload',
  'signedUploadForm',
  'getQuota',
  'setQuota',
  'collectGarbage',
]

/** Answers of routes with a field mask, when no mask is given. */
const COMPLETE: Readonly<Record<string, z.ZodType>> = {
  getMachine: MachineInfo,
  listMachines: z.union([
    z.array(MachineInfo),
    z.object({ items: z.array(MachineInfo), has_next: z.boolean(), next_token: z.string().optional() }),
  ]),
  listTemplates: z.array(TemplateInfo),
}

const routes: readonly RouteSpec[] = Object.values(ROUTES)
const built = routes.filter((route) => referenceRoutes.has(route.id))
const channels: readonly ChannelSpec[] = Object.values(CHANNELS)
/** Operations of the reference that we have, by HTTP or as a channel. */
const operations: ReadonlySet<string> = new Set([...built, ...channels].map(({ id }) => id))

describe('what there is', () => {
  test('every route is filed under its own id, once', () => {
    expect(Object.entries(ROUTES).filter(([key, route]) => key !== route.id)).toEqual([])
    expect(routes.length).toBe(new Set(routes.map((route) => `${route.method} ${route.path}`)).size)
  })

  test('routes of our own are listed and say so', () => {
    expect(routes.filter((route) => !referenceRoutes.has(route.id)).map((route) => route.id)).toEqual(OURS)
    expect(routes.filter((route) => route.ours).map((route) => route.id)).toEqual(OURS)
  })

  test('a published route is either built or on the list of what is not', () => {
    const missing = [...referenceRoutes.keys()].filter((id) => !notBuilt.includes(id) && !operations.has(id))
    expect(missing, 'neither built nor in not-built.json').toEqual([])
  })

  test('the list of what is not built holds nothing that is, and nothing unknown', () => {
    expect(
      notBuilt.filter((id) => operations.has(id)),
      'built: take it off not-built.json',
    ).toEqual([])
    expect(
      notBuilt.filter((id) => !referenceRoutes.has(id)),
      'not in the reference',
    ).toEqual([])
    expect(notBuilt).toEqual([...new Set(notBuilt)].toSorted())
  })

  test('masked answers are described for every route that takes a field mask', () => {
    const masked = built.filter((route) => route.query && 'fields' in route.query.shape).map((route) => route.id)
    expect(Object.keys(COMPLETE).toSorted()).toEqual(masked.toSorted())
  })
})

describe('routes that both have', () => {
  test.each(built.map((route) => [route.id, route] as const))('%s', (id, route) => {
    expect(routeDifferences(referenceRoutes.get(id)!, route, COMPLETE[id])).toEqual(Object.keys(deliberate[id] ?? {}))
  })
})

test('channels open where the published clients look for them', () => {
  const theirs = channels.map(({ id }) => referenceRoutes.get(id))
  expect(theirs.map((route) => [route?.operation, route?.method, route?.path])).toEqual(channels.map(({ id, path }) => [id, 'GET', path]))
  expect(Object.entries(CHANNELS).filter(([key, channel]) => key !== channel.id)).toEqual([])
})

test('deliberate differences are of routes that both have', () => {
  expect(Object.keys(deliberate).filter((id) => !built.some((route) => route.id === id))).toEqual([])
})

describe('the reference', () => {
  test('every type in it is understood', () => {
    const ofRoutes = [...referenceRoutes.values()].flatMap(({ responses, query = [], path_params = [], headers = [], body }) => [
      Object.values(responses),
      [...query, ...path_params, ...headers],
      body === undefined ? [] : [{ type: body.model }],
    ])
    const ofModels = Object.values(referenceModels).map((model) => (model.kind === 'object' ? model.fields : []))
    const types = [...ofRoutes, ...ofModels].flat().map(({ type }) => type)
    expect(() => types.map(parseType)).not.toThrow()
  })
})

describe('the comparison sees', () => {
  const answers = (theirs: string, ours: z.ZodType): readonly string[] =>
    answerDifferences(parseType(theirs), jsonSchema(ours, 'output'), theirs)
  const requests = (theirs: string, ours: z.ZodType): readonly string[] =>
    requestDifferences(parseType(theirs), jsonSchema(ours, 'input'), theirs)

  test('faults in answers', () => {
    const status = z.literal('destroyed')
    expect(answers('DestroyMachineResponse', z.object({ id: z.string(), status }))).toEqual([])
    expect(answers('DestroyMachineResponse', z.object({ id: z.string().optional() }))).toMatchInlineSnapshot(`
      [
        "DestroyMachineResponse.id: they require it, we may leave it out",
        "DestroyMachineResponse.status: they require it, we do not have it",
      ]
    `)
    expect(answers('DestroyMachineResponse', z.object({ id: z.string(), status: z.enum(['destroyed', 'gone']) }))).toMatchInlineSnapshot(`
      [
        "DestroyMachineResponse.status: they do not know gone",
        "DestroyMachineResponse.status: we do not have creating, error, paused, running",
      ]
    `)
    expect(answers('CreateMachineResponse', MachineInfo.extend({ started_at: z.iso.datetime().nullable(), created_at: z.string() })))
      .toMatchInlineSnapshot(`
      [
        "CreateMachineResponse.created_at: we send string, they read string(date-time)",
        "CreateMachineResponse.started_at: we may send null, they fail on it; leave it out",
      ]
    `)
    expect(answers('array<string>', z.array(z.number()))).toMatchInlineSnapshot(`
      [
        "array<string>[]: we send number, they read string",
      ]
    `)
    expect(answers('empty', z.object({}))).toMatchInlineSnapshot(`
      [
        "empty: we send object, they read no JSON",
      ]
    `)
    expect(answers('SnapshotInfo', snapshot.extend({ name: z.string() }))).toMatchInlineSnapshot(`
      [
        "SnapshotInfo.name: SnapshotInfo is closed, no field may be added",
      ]
    `)
  })

  test('faults in what is accepted', () => {
    const body = { command: z.string(), args: z.array(z.string()).nullish(), cwd: z.string(), shell: z.string().optional() }
    expect(requests('ExecRequest', z.strictObject(body))).toMatchInlineSnapshot(`
      [
        "ExecRequest.cwd: we require it, they may leave it out",
        "ExecRequest.timeout_secs: we do not accept it",
        "ExecRequest.envs: we do not accept it",
        "ExecRequest.shell: we accept string, they send boolean",
        "ExecRequest.background: we do not accept it",
      ]
    `)
    expect(requests('CreateApiKeyRequest', z.looseObject({ name: z.string().optional() }))).toMatchInlineSnapshot(`
      [
        "CreateApiKeyRequest.name: they may send null, we refuse it",
      ]
    `)
    expect(requests('LifecycleConfig', z.object({ on_timeout: z.enum(['destroy']).optional() }))).toMatchInlineSnapshot(`
      [
        "LifecycleConfig.on_timeout: we refuse pause",
      ]
    `)
    expect(requests('LifecycleConfig', z.object({ on_timeout: z.string().optional() }))).toEqual([])
    expect(requests('array<VolumeMountRequest>', z.array(z.record(z.string(), z.unknown())))).toEqual([])
    expect(requests('CreateMachineRequestEnvs', z.record(z.string(), z.number()))).toMatchInlineSnapshot(`
      [
        "CreateMachineRequestEnvs{}: we accept number, they send string",
      ]
    `)
  })
})

test('the comparison sees faults in what is no JSON', () => {
  const theirs = referenceRoutes.get('uploadFileMultipart')!
  const { form: _, ...formless } = ROUTES.uploadFileMultipart
  expect(routeDifferences(theirs, { ...formless, form: z.object({ data: z.string() }) })).toMatchInlineSnapshot(`
    [
      "body: they send application/octet-stream, we read multipart/form-data",
      "form.data: we require it, they do not know it",
    ]
  `)
  expect(routeDifferences(referenceRoutes.get('uploadFileRaw')!, { ...ROUTES.uploadFileRaw, upload: 'parts' })).toMatchInlineSnapshot(`
    [
      "body: they send application/octet-stream, we read multipart/form-data",
    ]
  `)
  expect(routeDifferences(referenceRoutes.get('downloadFile')!, { ...ROUTES.downloadFile, success: ROUTES.readFile.success }))
    .toMatchInlineSnapshot(`
    [
      "answer: ours is not binary, theirs binary",
    ]
  `)
})

const snapshot = z.object({ id: z.string(), machine_id: z.string(), size_bytes: z.number().int(), created_at: z.iso.datetime() })
