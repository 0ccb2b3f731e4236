/* An OpenID provider of people who do not exist, for the test of the proxy: `node provider.mjs SETTINGS.json`.
   Settings: issuer, port, key and certificate (PEM files), client_id, client_secret, redirect_uri, logged_out_uri, and people with their
   groups. Its own sign-in page takes any password: it is there to be signed in on by a browser of the test. */
import { readFileSync } from 'node:fs';
import https from 'node:https';
import Provider from 'oidc-provider';

const told = JSON.parse(readFileSync(process.argv[2], 'utf-8'));

const provider = new Provider(told.issuer, {
  clients: [{
    client_id: told.client_id,
    client_secret: told.client_secret,
    redirect_uris: [told.redirect_uri],
    post_logout_redirect_uris: [told.logged_out_uri],
    response_types: ['code'],
    grant_types: ['authorization_code'],
  }],
  // What a scope gives is said by the provider's keeper: as Keycloak's mapper "Group Membership" does.
  claims: { openid: ['sub'], profile: ['name', 'preferred_username'], groups: ['groups'] },
  cookies: { keys: ['of this test alone'] },
  features: { devInteractions: { enabled: true }, rpInitiatedLogout: { enabled: true } },
  pkce: { required: () => false },
  findAccount: (_, sub) => ({
    accountId: sub,
    claims: () => ({ sub, name: sub, preferred_username: sub, ...(sub in told.people ? { groups: told.people[sub] } : {}) }),
  }),
});
provider.on('server_error', (_, error) => console.error(error));

https.createServer({ key: readFileSync(told.key), cert: readFileSync(told.certificate) }, provider.callback())
  .listen(told.port, '127.0.0.1', () => console.log(JSON.stringify({ event: 'listening', port: told.port })));
