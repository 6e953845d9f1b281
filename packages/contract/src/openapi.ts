// The OpenAPI 3.1 document, made from the routes. tools/gen writes it to openapi/openapi.json; the daemon serves it.

import { z } from 'zod'
import { ExecBody, ExecResult } from './commands.ts'
import { ERRORS, type ErrorCode } from './errors.ts'
import { FileInfo, SearchMatch } from './files.ts'
import { CheckResult, HostStatus } from './host.ts'
import { LifecycleEvent, LifecycleEventList } from './events.ts'
import { GarbageItem } from './garbage.ts'
import { CreateKeyBody, KeyInfo } from './keys.ts'
import { ForkManyBody, LineageNode, SetTimeoutBody, TimeoutLease } from './lifecycle.ts'
import { CreateMachineBody, MachineConfig, MachineInfo } from './machines.ts'
import { HostSample, MachineMetrics } from './metrics.ts'
import { Quota, QuotaState } from './quotas.ts'
import { BYTES, NO_BODY, type RouteSpec } from './route.ts'
import { ROUTES } from './routes.ts'
import { SnapshotInfo } from './snapshots.ts'
import { TemplateInfo } from './templates.ts'
import { UploadSession } from './uploads.ts'
import { CreateWebhookBody, DeliveryAttempt, DeliveryInfo, UpdateWebhookBody, WebhookInfo } from './webhooks.ts'

/** Schemas with a name of their own in the document. */
const MODELS: Readonly<Record<string, { schema: z.ZodType; io: 'input' | 'output' }>> = {
  CreateMachineRequest: { schema: CreateMachineBody, io: 'input' },
  ExecRequest: { schema: ExecBody, io: 'input' },
  CreateApiKeyRequest: { schema: CreateKeyBody, io: 'input' },
  SetTimeoutRequest: { schema: SetTimeoutBody, io: 'input' },
  ForkManyRequest: { schema: ForkManyBody, io: 'input' },
  CreateWebhookRequest: { schema: CreateWebhookBody, io: 'input' },
  UpdateWebhookRequest: { schema: UpdateWebhookBody, io: 'input' },
  MachineInfo: { schema: MachineInfo, io: 'output' },
  MachineConfig: { schema: MachineConfig, io: 'output' },
  SnapshotInfo: { schema: SnapshotInfo, io: 'output' },
  TimeoutLease: { schema: TimeoutLease, io: 'output' },
  LineageNode: { schema: LineageNode, io: 'output' },
  LifecycleEvent: { schema: LifecycleEvent, io: 'output' },
  LifecycleEventList: { schema: LifecycleEventList, io: 'output' },
  WebhookInfo: { schema: WebhookInfo, io: 'output' },
  DeliveryInfo: { schema: DeliveryInfo, io: 'output' },
  DeliveryAttempt: { schema: DeliveryAttempt, io: 'output' },
  MachineMetrics: { schema: MachineMetrics, io: 'output' },
  HostSample: { schema: HostSample, io: 'output' },
  Quota: { schema: Quota, io: 'output' },
  QuotaState: { schema: QuotaState, io: 'output' },
  GarbageItem: { schema: GarbageItem, io: 'output' },
  FileInfo: { schema: FileInfo, io: 'output' },
  SearchMatch: { schema: SearchMatch, io: 'output' },
  UploadSession: { schema: UploadSession, io: 'output' },
  ExecResult: { schema: ExecResult, io: 'output' },
  TemplateInfo: { schema: TemplateInfo, io: 'output' },
  KeyInfo: { schema: KeyInfo, io: 'output' },
  HostStatus: { schema: HostStatus, io: 'output' },
  CheckResult: { schema: CheckResult, io: 'output' },
}

const ERROR_BODY = {
  type: 'object',
  required: ['error', 'code', 'retryable', 'suggested_action'],
  properties: {
    error: { type: 'string', description: 'What went wrong, for people.' },
    code: { type: 'string', enum: Object.keys(ERRORS), description: 'What went wrong, for programs.' },
    request_id: { type: 'string' },
    retryable: { type: 'boolean' },
    suggested_action: { type: 'string' },
    details: { type: 'object' },
    error_detail: { type: 'object', description: 'Of an upload: its reason, and what it is about.' },
  },
} as const

export function openApiDocument(): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const spec of Object.values(ROUTES) as RouteSpec[]) {
    paths[spec.path] = { ...paths[spec.path], [spec.method.toLowerCase()]: operation(spec) }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Nullspace', version: '1', description: 'Machines for AI agents: real VMs that start in the time of a container.' },
    servers: [{ url: 'http://localhost:3000' }],
    security: [{ key: [] }],
    paths,
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer' } },
      schemas: {
        ErrorBody: ERROR_BODY,
        ...Object.fromEntries(Object.entries(MODELS).map(([name, { schema, io }]) => [name, jsonSchema(schema, io)])),
      },
    },
  }
}

function operation(spec: RouteSpec): Record<string, unknown> {
  return {
    operationId: spec.id,
    summary: spec.summary,
    ...(spec.access === 'none' ? { security: [] } : {}),
    ...(spec.ours ? { 'x-ours': true } : {}),
    parameters: [...parameters(spec.params, 'path'), ...parameters(spec.query, 'query'), ...parameters(spec.headers, 'header')],
    ...requestBody(spec),
    responses: {
      [spec.success.status]: {
        description: 'Success',
        ...(spec.success.body === NO_BODY ? {} : { content: answer(spec.success.body) }),
      },
      ...refusals(spec.errors),
    },
  }
}

function requestBody(spec: RouteSpec): Record<string, unknown> {
  const content = contentOf(spec)
  return content === null ? {} : { requestBody: { required: true, content } }
}

function contentOf({ body, upload, form }: RouteSpec): Record<string, unknown> | null {
  if (upload === 'bytes') return octets
  if (upload === 'parts') {
    const parts = { 'multipart/form-data': { schema: form ? jsonSchema(form, 'input') : { type: 'object' } } }
    return form && 'file' in form.shape ? { ...parts, ...octets } : parts
  }
  return body ? json(reference(body, 'input')) : null
}

const answer = (body: z.ZodType): Record<string, unknown> => (body === BYTES ? octets : json(reference(body, 'output')))

function refusals(codes: readonly ErrorCode[]): Record<string, unknown> {
  const byStatus = Map.groupBy(codes, (code) => ERRORS[code].status)
  return Object.fromEntries(
    [...byStatus].map(([status, group]) => [
      status,
      { description: group.map((code) => `\`${code}\``).join(', '), content: json({ $ref: '#/components/schemas/ErrorBody' }) },
    ]),
  )
}

function parameters(schema: z.ZodObject | undefined, where: 'path' | 'query' | 'header'): unknown[] {
  return Object.entries(schema?.shape ?? {}).map(([name, field]) => {
    const { $schema: _, ...rest } = z.toJSONSchema(field as z.ZodType, { io: 'input', unrepresentable: 'any' })
    return { name, in: where, required: where === 'path' || !(field as z.ZodType).safeParse(undefined).success, schema: rest }
  })
}

function reference(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const name = Object.entries(MODELS).find(([, model]) => model.schema === schema)?.[0]
  return name === undefined ? jsonSchema(schema, io) : { $ref: `#/components/schemas/${name}` }
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' })
  return rest
}

const octets = { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } }
const json = (schema: unknown) => ({ 'application/json': { schema } })
