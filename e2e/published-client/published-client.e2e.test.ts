// The published Python client, unmodified, against our daemon. The cases are in cases_*.py; each is one test here.

import { describeSuite } from './run-suite.ts'

describeSuite('published')
