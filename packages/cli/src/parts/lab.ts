/** Serves the scheduler's lab: an extension API server in the scheduler's process. */
import { metricsType } from '@pilothouse/apiserver/routes/metrics';
import { serveExtension } from '@pilothouse/apiserver/extension/index';
import { noSuchRoute } from '@pilothouse/apiserver/request/errors';
import { serviceUnavailableError } from '@pilothouse/apimachinery';
import type { MetricsRegistry, Runtime, Scope } from '@pilothouse/base';
import type { Client } from '@pilothouse/client';
import type { SchedulerObservers, SchedulerWorld } from '@pilothouse/scheduler-framework';
import { createLab, type Lab, labAnswers, labGroups, labResources, openApiDocuments } from '@pilothouse/scheduler-lab';

/** A lab that begins with the scheduler it is given to. */
export interface LabAttachment {
  /** For the scheduler's `observe`. */
  observe(world: SchedulerWorld): SchedulerObservers;
  /** May be called before the scheduler has been made (while it stands for election): until then requests are answered 503. @throws UserError for an address that cannot be had, StatusError where the API server does not answer */
  serve(options: LabServing): Promise<{ port: number }>;
}

export interface LabServing {
  /** May create TokenReviews and SubjectAccessReviews, and read the authentication ConfigMap. */
  client: Client;
  host: string;
  /** 0: a free one. */
  port: number;
  tls: { cert: string; key: string };
  metrics: MetricsRegistry;
}

export function labAttachment(runtime: Runtime, scope: Scope): LabAttachment {
  let lab: Lab | undefined;
  return {
    observe(world) {
      lab = createLab(world, runtime.clock);
      const made = lab;
      scope.defer(() => made.close());
      return lab.observers;
    },
    async serve({ client, host, port, tls, metrics }) {
      let answers: ReturnType<typeof labAnswers> | undefined;
      const extension = await serveExtension(runtime, scope, {
        client,
        api: { groups: () => labGroups, resources: () => labResources },
        openApi: openApiDocuments(),
        answer(request, { info }) {
          if (info.isResource) {
            if (!lab) throw serviceUnavailableError('this scheduler is not the leader');
            answers ??= labAnswers({ lab, runtime, client });
            return answers(request, info);
          }
          if (info.path === '/metrics' && request.method === 'GET') return { status: 200, headers: { 'content-type': metricsType }, body: Buffer.from(metrics.text()) };
          throw noSuchRoute();
        },
      });
      // Answers take milliseconds, and watches would go on for ever.
      const listener = await extension.listen({ host, port, tls, drainMs: 300 });
      return { port: listener.port };
    },
  };
}
