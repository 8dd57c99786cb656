
/*
 * Copyright (C) ngx_mra contributors
 */


#include "ngx_http_mra_api.h"


static ngx_int_t ngx_http_mra_api_handler(ngx_http_request_t *r);
static void ngx_http_mra_api_body_handler(ngx_http_request_t *r);
static ngx_http_mra_api_t *ngx_http_mra_api_create(ngx_http_request_t *r);
static ngx_http_mra_api_pt ngx_http_mra_api_route(ngx_http_mra_api_t *api);
static ngx_uint_t ngx_http_mra_api_version(ngx_http_mra_api_t *api);
static ngx_uint_t ngx_http_mra_api_match(ngx_http_mra_api_t *api,
    const ngx_str_t *path);
static ngx_int_t ngx_http_mra_api_not_allowed(ngx_http_mra_api_t *api,
    ngx_uint_t methods);
static void ngx_http_mra_api_fields(ngx_http_mra_api_t *api);
static ngx_int_t ngx_http_mra_api_check_body(ngx_http_mra_api_t *api);
static ngx_int_t ngx_http_mra_api_read_body(ngx_http_mra_api_t *api);
static ngx_int_t ngx_http_mra_api_copy_body(ngx_http_mra_api_t *api,
    ngx_str_t *body);
static ngx_int_t ngx_http_mra_api_answer(ngx_http_mra_api_t *api,
    ngx_int_t rc);
static void ngx_http_mra_api_write_error(ngx_http_mra_api_t *api);
static ngx_int_t ngx_http_mra_api_list(ngx_http_mra_api_t *api);


#define NGX_HTTP_MRA_API_BODIES                                              \
    (NGX_HTTP_POST|NGX_HTTP_PUT|NGX_HTTP_PATCH)


static const ngx_http_mra_api_endpoint_t  ngx_http_mra_api_endpoints[] = {

    { ngx_string(""), NGX_HTTP_GET, ngx_http_mra_api_list },

    { ngx_string("node"), NGX_HTTP_GET, ngx_http_mra_api_node },

    { ngx_string("services"), NGX_HTTP_GET, ngx_http_mra_api_services },

    { ngx_string("maintenance"), NGX_HTTP_GET, ngx_http_mra_api_maintenance },
    { ngx_string("maintenance"), NGX_HTTP_PATCH, ngx_http_mra_api_maintain },

    { ngx_string("peers"), NGX_HTTP_GET, ngx_http_mra_api_peers },

    { ngx_string("registrations"), NGX_HTTP_GET,
      ngx_http_mra_api_registrations },

    { ngx_string("bindings"), NGX_HTTP_GET, ngx_http_mra_api_bindings },

    { ngx_string("tokens"), NGX_HTTP_GET, ngx_http_mra_api_tokens },
    { ngx_string("tokens/*"), NGX_HTTP_GET, ngx_http_mra_api_tokens_of },
    { ngx_string("tokens/*"), NGX_HTTP_DELETE, ngx_http_mra_api_revoke },

    { ngx_string("next_hops"), NGX_HTTP_GET, ngx_http_mra_api_next_hops },
    { ngx_string("next_hops/*"), NGX_HTTP_GET, ngx_http_mra_api_next_hop },

    { ngx_string("rate_control"), NGX_HTTP_GET,
      ngx_http_mra_api_rate_control },
    { ngx_string("rate_control/*"), NGX_HTTP_DELETE,
      ngx_http_mra_api_rate_control_reset },

    { ngx_string("protection"), NGX_HTTP_GET, ngx_http_mra_api_protection },
    { ngx_string("protection/bans"), NGX_HTTP_GET, ngx_http_mra_api_bans },
    { ngx_string("protection/bans"), NGX_HTTP_POST, ngx_http_mra_api_ban },
    { ngx_string("protection/bans/*"), NGX_HTTP_DELETE,
      ngx_http_mra_api_unban },
    { ngx_string("protection/exemptions"), NGX_HTTP_GET,
      ngx_http_mra_api_exemptions },
    { ngx_string("protection/exemptions"), NGX_HTTP_POST,
      ngx_http_mra_api_exempt },
    { ngx_string("protection/exemptions/*"), NGX_HTTP_DELETE,
      ngx_http_mra_api_unexempt },

    { ngx_string("store"), NGX_HTTP_GET, ngx_http_mra_api_store },

    { ngx_string("redis"), NGX_HTTP_GET, ngx_http_mra_api_redis },

    { ngx_null_string, 0, NULL }
};


static ngx_str_t  ngx_http_mra_api_type = ngx_string("application/json");


char *
ngx_http_mra_set_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_mra_loc_conf_t *mlcf = conf;

    ngx_str_t                 *value;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (mlcf->api) {
        return "is duplicate";
    }

#if (NGX_PCRE)

    if (clcf->regex) {
        return "cannot be used in a location given by regular expression";
    }

#endif

    if (clcf->name.len == 0 || clcf->name.data[0] != '/') {
        return "can be used in a location with a path only";
    }

    mlcf->api = 1;

    if (cf->args->nelts == 2) {
        value = cf->args->elts;

        if (ngx_strcmp(value[1].data, "write=on") == 0) {
            mlcf->api_write = 1;

        } else if (ngx_strcmp(value[1].data, "write=off") != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\", it must be "
                               "\"write=on\" or \"write=off\"", &value[1]);
            return NGX_CONF_ERROR;
        }
    }

    clcf->handler = ngx_http_mra_api_handler;

    ngx_mra_require(cf, "mra_api");

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_mra_api_handler(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    ngx_http_mra_api_t   *api;
    ngx_http_mra_api_pt   handler;

    api = ngx_http_mra_api_create(r);
    if (api == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    handler = ngx_http_mra_api_route(api);

    if (handler && (r->method & NGX_HTTP_MRA_API_BODIES)
        && ngx_http_mra_api_check_body(api) == NGX_OK)
    {
        rc = ngx_http_read_client_request_body(r,
                                               ngx_http_mra_api_body_handler);

        return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    rc = (api->error || handler == NULL) ? NGX_ERROR : handler(api);

    if (rc == NGX_DONE) {
        r->main->count++;
        return NGX_DONE;
    }

    return ngx_http_mra_api_answer(api, rc);
}


/* other modules know the context of a request: the way is found anew */

static void
ngx_http_mra_api_body_handler(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    ngx_http_mra_api_t   *api;
    ngx_http_mra_api_pt   handler;

    api = ngx_http_mra_api_create(r);
    if (api == NULL) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    handler = ngx_http_mra_api_route(api);

    rc = (handler && ngx_http_mra_api_read_body(api) == NGX_OK)
             ? handler(api) : NGX_ERROR;

    if (rc != NGX_DONE) {
        ngx_http_mra_api_finish(api, rc);
    }
}


static ngx_http_mra_api_t *
ngx_http_mra_api_create(ngx_http_request_t *r)
{
    ngx_http_mra_api_t        *api;
    ngx_http_mra_loc_conf_t   *mlcf;
    ngx_http_mra_main_conf_t  *mmcf;

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_mra_module);
    mmcf = ngx_http_get_module_main_conf(r, ngx_http_mra_module);

    api = ngx_pcalloc(r->pool, sizeof(ngx_http_mra_api_t));
    if (api == NULL) {
        return NULL;
    }

    api->request = r;
    api->mra = mmcf->mra;
    api->write = mlcf->api_write;

    ngx_http_mra_json_init(&api->json, r->pool);

    return api;
}


/* NULL: api->error tells */

static ngx_http_mra_api_pt
ngx_http_mra_api_route(ngx_http_mra_api_t *api)
{
    ngx_uint_t                          method, methods;
    ngx_http_request_t                 *r;
    const ngx_http_mra_api_endpoint_t  *e;

    r = api->request;
    method = (r->method == NGX_HTTP_HEAD) ? NGX_HTTP_GET : r->method;

    if (!ngx_http_mra_api_version(api)) {
        goto not_found;
    }

    methods = 0;

    for (e = ngx_http_mra_api_endpoints; e->handler; e++) {

        if (!ngx_http_mra_api_match(api, &e->path)) {
            continue;
        }

        if (e->method == method
            && (method == NGX_HTTP_GET || api->write))
        {
            ngx_http_mra_api_fields(api);
            return e->handler;
        }

        methods |= e->method;
    }

    if (methods) {
        (void) ngx_http_mra_api_not_allowed(api, methods);
        return NULL;
    }

not_found:

    (void) ngx_http_mra_api_error(api, NGX_HTTP_NOT_FOUND, "PathNotFound",
                                  "there is no such path");
    return NULL;
}


/* takes the name of the location and the version off the path */

static ngx_uint_t
ngx_http_mra_api_version(ngx_http_mra_api_t *api)
{
    ngx_str_t                 *path;
    ngx_http_request_t        *r;
    ngx_http_core_loc_conf_t  *clcf;

    r = api->request;
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    path = &api->path;
    *path = r->uri;

    if (path->len < clcf->name.len) {
        return 0;
    }

    path->data += clcf->name.len;
    path->len -= clcf->name.len;

    if (path->len && path->data[0] == '/') {
        path->data++;
        path->len--;
    }

    if (path->len == 0 || path->data[0] != '0' + NGX_HTTP_MRA_API_VERSION
        || (path->len > 1 && path->data[1] != '/'))
    {
        return 0;
    }

    path->data++;
    path->len--;

    if (path->len) {
        path->data++;
        path->len--;
    }

    if (path->len && path->data[path->len - 1] == '/') {
        path->len--;
    }

    return 1;
}


static ngx_uint_t
ngx_http_mra_api_match(ngx_http_mra_api_t *api, const ngx_str_t *path)
{
    size_t  len;

    len = path->len;

    if (len == 0 || path->data[len - 1] != '*') {
        return api->path.len == len
               && ngx_memcmp(api->path.data, path->data, len) == 0;
    }

    len--;

    if (api->path.len <= len
        || ngx_memcmp(api->path.data, path->data, len) != 0)
    {
        return 0;
    }

    api->arg.data = api->path.data + len;
    api->arg.len = api->path.len - len;

    return 1;
}


static ngx_int_t
ngx_http_mra_api_not_allowed(ngx_http_mra_api_t *api, ngx_uint_t methods)
{
    ngx_str_t   allow;
    ngx_uint_t  disabled;

    disabled = (methods & api->request->method) && !api->write;

    if (!api->write) {
        methods &= NGX_HTTP_GET;
    }

    allow.data = ngx_pnalloc(api->request->pool,
                             sizeof("GET, HEAD, POST, PATCH, DELETE"));
    if (allow.data == NULL) {
        return NGX_ERROR;
    }

    allow.len = ngx_sprintf(allow.data, "%s%s%s%s",
                            methods & NGX_HTTP_GET ? ", GET, HEAD" : "",
                            methods & NGX_HTTP_POST ? ", POST" : "",
                            methods & NGX_HTTP_PATCH ? ", PATCH" : "",
                            methods & NGX_HTTP_DELETE ? ", DELETE" : "")
                - allow.data;

    if (allow.len) {
        allow.data += 2;
        allow.len -= 2;
    }

    if (ngx_http_mra_add_header(api->request, "Allow", &allow) == NULL) {
        return NGX_ERROR;
    }

    return disabled ? ngx_http_mra_api_error(api, NGX_HTTP_NOT_ALLOWED,
                                             "MethodDisabled",
                                             "writing is off here")
                    : ngx_http_mra_api_error(api, NGX_HTTP_NOT_ALLOWED,
                                             "MethodNotAllowed",
                                             "the path has no such method");
}


static void
ngx_http_mra_api_fields(ngx_http_mra_api_t *api)
{
    ngx_str_t  fields;

    if (ngx_http_arg(api->request, (u_char *) "fields", 6, &fields)
        == NGX_OK)
    {
        api->json.fields = fields;
        api->json.level = 1;
    }
}


ngx_int_t
ngx_http_mra_api_error(ngx_http_mra_api_t *api, ngx_uint_t status,
    const char *code, const char *text)
{
    api->error = status;
    api->code = code;
    api->text = text;

    return NGX_ERROR;
}


/* JSON only: what a form of another site sends is something else */

static ngx_int_t
ngx_http_mra_api_check_body(ngx_http_mra_api_t *api)
{
    u_char              *p;
    size_t               len;
    ngx_table_elt_t     *type;
    ngx_http_request_t  *r;

    r = api->request;
    type = r->headers_in.content_type;

    if (r->headers_in.content_length_n > NGX_HTTP_MRA_API_BODY) {
        return ngx_http_mra_api_error(api, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                      "BodyTooLarge", "the body is too large");
    }

    if (type) {
        p = ngx_strlchr(type->value.data, type->value.data + type->value.len,
                        ';');
        len = p ? (size_t) (p - type->value.data) : type->value.len;

        while (len && type->value.data[len - 1] == ' ') {
            len--;
        }

        if (len == ngx_http_mra_api_type.len
            && ngx_strncasecmp(type->value.data, ngx_http_mra_api_type.data,
                               len)
               == 0)
        {
            return NGX_OK;
        }
    }

    return ngx_http_mra_api_error(api, NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                                  "MediaTypeUnsupported",
                                  "the body must be application/json");
}


static ngx_int_t
ngx_http_mra_api_read_body(ngx_http_mra_api_t *api)
{
    ngx_str_t  body;

    if (ngx_http_mra_api_copy_body(api, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    api->nmembers = NGX_HTTP_MRA_API_MEMBERS;

    if (ngx_mra_json_read(&body, api->members, &api->nmembers)
        != NGX_OK)
    {
        return ngx_http_mra_api_error(api, NGX_HTTP_BAD_REQUEST,
                                      "BodyInvalid", "the body must be a flat "
                                      "JSON object");
    }

    return NGX_OK;
}


/* it comes in pieces, or from a file: client_body_buffer_size */

static ngx_int_t
ngx_http_mra_api_copy_body(ngx_http_mra_api_t *api, ngx_str_t *body)
{
    off_t         size;
    u_char       *p;
    ngx_buf_t    *b;
    ngx_chain_t  *bufs, *cl;

    bufs = api->request->request_body ? api->request->request_body->bufs
                                      : NULL;
    size = 0;

    for (cl = bufs; cl; cl = cl->next) {
        size += ngx_buf_size(cl->buf);
    }

    if (size > NGX_HTTP_MRA_API_BODY) {
        return ngx_http_mra_api_error(api, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                      "BodyTooLarge", "the body is too large");
    }

    p = ngx_pnalloc(api->request->pool, NGX_HTTP_MRA_API_BODY);
    if (p == NULL) {
        return NGX_ERROR;
    }

    body->data = p;
    body->len = (size_t) size;

    for (cl = bufs; cl; cl = cl->next) {
        b = cl->buf;
        size = ngx_buf_size(b);

        if (ngx_buf_in_memory(b)) {
            ngx_memcpy(p, b->pos, (size_t) size);

        } else if (size
                   && ngx_read_file(b->file, p, (size_t) size, b->file_pos)
                      != size)
        {
            return NGX_ERROR;
        }

        p += size;
    }

    return NGX_OK;
}


ngx_mra_json_member_t *
ngx_http_mra_api_member(ngx_http_mra_api_t *api, const char *name)
{
    size_t      len;
    ngx_uint_t  i;

    len = ngx_strlen(name);

    for (i = 0; i < api->nmembers; i++) {
        if (api->members[i].name.len == len
            && ngx_memcmp(api->members[i].name.data, name, len) == 0)
        {
            return &api->members[i];
        }
    }

    return NULL;
}


void
ngx_http_mra_api_finish(ngx_http_mra_api_t *api, ngx_int_t rc)
{
    ngx_http_finalize_request(api->request, ngx_http_mra_api_answer(api, rc));
}


static ngx_int_t
ngx_http_mra_api_answer(ngx_http_mra_api_t *api, ngx_int_t rc)
{
    if (rc == NGX_ERROR) {
        ngx_http_mra_api_write_error(api);
        rc = api->error;
    }

    return ngx_http_mra_output_send(api->request, &api->json.out, rc,
                                    &ngx_http_mra_api_type);
}


static void
ngx_http_mra_api_write_error(ngx_http_mra_api_t *api)
{
    u_char                     *p;
    ngx_str_t                   name, href;
    ngx_http_request_t         *r;
    ngx_http_mra_json_t        *j;
    ngx_http_variable_value_t  *id;
    ngx_http_core_loc_conf_t   *clcf;

    r = api->request;
    j = &api->json;
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (api->error == 0) {
        (void) ngx_http_mra_api_error(api, NGX_HTTP_INTERNAL_SERVER_ERROR,
                                      "InternalError", "something failed, "
                                      "the error log may tell what");
    }

    ngx_str_set(&name, "request_id");
    id = ngx_http_get_variable(r, &name, ngx_hash_key(name.data, name.len));

    ngx_http_mra_json_init(j, r->pool);

    ngx_http_mra_json_open(j, NULL, '{');
    ngx_http_mra_json_open(j, "error", '{');
    ngx_http_mra_json_number(j, "status", api->error);
    ngx_http_mra_json_text(j, "text", api->text);
    ngx_http_mra_json_text(j, "code", api->code);
    ngx_http_mra_json_close(j, '}');

    ngx_str_null(&name);

    if (id && !id->not_found) {
        name.data = id->data;
        name.len = id->len;
    }

    ngx_http_mra_json_string(j, "request_id", &name);

    /* the list of what there is */

    href.data = ngx_pnalloc(r->pool, clcf->name.len + sizeof("/1/"));
    if (href.data == NULL) {
        j->out.failed = 1;
        return;
    }

    p = ngx_cpymem(href.data, clcf->name.data, clcf->name.len);

    if (p[-1] != '/') {
        *p++ = '/';
    }

    p = ngx_sprintf(p, "%d/", NGX_HTTP_MRA_API_VERSION);
    href.len = p - href.data;

    ngx_http_mra_json_string(j, "href", &href);
    ngx_http_mra_json_close(j, '}');
}


static ngx_int_t
ngx_http_mra_api_list(ngx_http_mra_api_t *api)
{
    ngx_str_t                           path, last;
    ngx_http_mra_json_t                *j;
    const ngx_http_mra_api_endpoint_t  *e;

    j = &api->json;
    ngx_str_null(&last);

    ngx_http_mra_json_open(j, NULL, '[');

    for (e = ngx_http_mra_api_endpoints; e->handler; e++) {
        path = e->path;

        if (path.len == 0 || path.data[path.len - 1] == '*'
            || (path.len == last.len
                && ngx_memcmp(path.data, last.data, path.len) == 0))
        {
            continue;
        }

        ngx_http_mra_json_string(j, NULL, &path);
        last = path;
    }

    ngx_http_mra_json_close(j, ']');

    return NGX_HTTP_OK;
}
