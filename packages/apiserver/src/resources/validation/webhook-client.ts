/** How to reach a webhook: the same for admission, conversion and others. */
import { dns1123Subdomain, type FieldError, invalid, parseGoUrl, portNumber, required } from '@pilothouse/apimachinery';

export interface WebhookClient {
  url?: string;
  service?: { name: string; namespace: string; path?: string; port?: number };
}

const form = '; desired format: https://host[/path]';

function validateUrl(errors: FieldError[], text: string, path: string): void {
  const url = parseGoUrl(text);
  if ('problem' in url) return void errors.push(required(path, `url must be a valid URL: ${url.problem}${form}`));
  const { scheme, user, host, query, fragment } = url;
  if (scheme !== 'https') errors.push(invalid(path, scheme, `'https' is the only allowed URL scheme${form}`));
  if (!host) errors.push(invalid(path, host, `host must be specified${form}`));
  if (user !== undefined) errors.push(invalid(path, user, 'user information is not permitted in the URL'));
  if (fragment) errors.push(invalid(path, fragment, 'fragments are not permitted in the URL'));
  if (query) errors.push(invalid(path, query, 'query parameters are not permitted in the URL'));
}

function validateUrlPath(errors: FieldError[], urlPath: string, path: string): void {
  if (urlPath === '' || urlPath === '/') return;
  if (urlPath === '//') return void errors.push(invalid(path, urlPath, 'segment[0] may not be empty'));
  if (!urlPath.startsWith('/')) errors.push(invalid(path, urlPath, "must start with a '/'"));
  urlPath
    .slice(1)
    .replace(/\/$/, '')
    .split('/')
    .forEach((step, i) => {
      if (!step) errors.push(invalid(path, urlPath, `segment[${i}] may not be empty`));
      else for (const failure of dns1123Subdomain(step)) errors.push(invalid(path, urlPath, `segment[${i}]: ${failure}`));
    });
}

export function validateWebhookClient(errors: FieldError[], { url, service }: WebhookClient, path: string): void {
  if ((url === undefined) === (service === undefined)) return void errors.push(required(path, 'exactly one of url or service is required'));
  if (url !== undefined) return void validateUrl(errors, url, `${path}.url`);
  const at = `${path}.service`;
  const { name, namespace, port = 443 } = service!;
  // Upstream hands the two over in each other's place.
  if (!namespace) errors.push(required(`${at}.name`));
  if (!name) errors.push(required(`${at}.namespace`));
  const wrongPort = portNumber(port);
  if (wrongPort.length) errors.push(invalid(`${at}.port`, port, `port is not valid: ${wrongPort.join(', ')}`));
  if (service!.path !== undefined) validateUrlPath(errors, service!.path, `${at}.path`);
}
