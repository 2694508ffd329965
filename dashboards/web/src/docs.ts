// The API browser: Swagger UI over /openapi.json, bundled here because the server may have no network beyond itself.
import SwaggerUI from 'swagger-ui-dist/swagger-ui-es-bundle.js';
import 'swagger-ui-dist/swagger-ui.css';

// No validator: it would send the description to a service outside.
SwaggerUI({ url: '/openapi.json', dom_id: '#docs', deepLinking: true, validatorUrl: null, tryItOutEnabled: true });
