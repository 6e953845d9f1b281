// Templates on the wire: what is there to create machines from.

import { z } from 'zod'
import { route } from './route.ts'

export const TemplateInfo = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string(),
  builtin: z.boolean(),
  canonical_ref: z.string(),
  namespace_slug: z.string(),
  visibility: z.enum(['public', 'private']),
  tags: z.array(z.string()),
  default_tag: z.string(),
  /** Ours: sizes whose snapshot is ready; another one is built when first asked for. */
  shapes: z.array(z.object({ vcpus: z.number().int(), memory_mb: z.number().int() })),
})
export type TemplateInfo = z.output<typeof TemplateInfo>

export const TEMPLATE_FIELDS = Object.keys(TemplateInfo.shape) as (keyof TemplateInfo)[]

export const listTemplates = route({
  id: 'listTemplates',
  method: 'GET',
  path: '/v1/templates',
  summary: 'List the templates a machine can be created from.',
  access: 'key',
  query: z.strictObject({ fields: z.string().optional() }),
  success: { status: 200, body: z.array(TemplateInfo.partial()) },
  errors: ['invalid_fields', 'unauthorized'],
})
