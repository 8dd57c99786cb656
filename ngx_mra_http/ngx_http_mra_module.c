
/*
 * Copyright (C) ngx_mra contributors
 */


#include "ngx_http_mra_api.h"


typedef struct {
    ngx_http_phases            phase;
    ngx_http_handler_pt        handler;
} ngx_http_mra_handler_t;


static char *ngx_http_mra_set_auth(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_mra_set_realm(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_mra_set_cookie(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_uint_t ngx_http_mra_is_token(ngx_str_t *text);
static ngx_int_t ngx_http_mra_add_handler(ngx_conf_t *cf,
    ngx_http_mra_handler_t *handler);
static ngx_int_t ngx_http_mra_challenges(ngx_conf_t *cf,
    ngx_http_mra_loc_conf_t *mlcf);
static ngx_int_t ngx_http_mra_add_realm(ngx_conf_t *cf, ngx_str_t *realm);
static ngx_int_t ngx_http_mra_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_mra_postconfiguration(ngx_conf_t *cf);
static void *ngx_http_mra_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_mra_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_mra_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);


static ngx_conf_enum_t  ngx_http_mra_log_levels[] = {
    { ngx_string("info"), NGX_LOG_INFO },
    { ngx_string("notice"), NGX_LOG_NOTICE },
    { ngx_string("warn"), NGX_LOG_WARN },
    { ngx_string("error"), NGX_LOG_ERR },
    { ngx_null_string, 0 }
};


static ngx_conf_num_bounds_t  ngx_http_mra_status_bounds = {
    ngx_conf_check_num_bounds, 400, 599
};


static ngx_conf_bitmask_t  ngx_http_mra_failure_headers[] = {
    { ngx_string("off"), NGX_HTTP_MRA_FAILURE_OFF },
    { ngx_string("send"), NGX_HTTP_MRA_FAILURE_SEND },
    { ngx_string("accept"), NGX_HTTP_MRA_FAILURE_ACCEPT },
    { ngx_null_string, 0 }
};


static ngx_http_mra_cookie_t  ngx_http_mra_default_cookie = {
    ngx_string("X-Auth"), ngx_null_string, 1, 1, 1, 0
};


static ngx_command_t  ngx_http_mra_commands[] = {

    { ngx_string("mra_auth"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_mra_set_auth,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("mra_auth_realm"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_mra_set_realm,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("mra_auth_cookie"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_mra_set_cookie,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("mra_rate_control_status"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_mra_loc_conf_t, limit_status),
      &ngx_http_mra_status_bounds },

    { ngx_string("mra_rate_control_log_level"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_mra_loc_conf_t, limit_log_level),
      &ngx_http_mra_log_levels },

    { ngx_string("mra_rate_control_dry_run"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_mra_loc_conf_t, limit_dry_run),
      NULL },

    { ngx_string("mra_failure_header"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_conf_set_bitmask_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_mra_loc_conf_t, failure_header),
      ngx_http_mra_failure_headers },

    { ngx_string("mra_proxy_target"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_mra_loc_conf_t, proxy_target),
      NULL },

    { ngx_string("mra_http_allow"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_mra_set_allow,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("mra_api"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_mra_set_api,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("mra_metrics"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_mra_set_metrics,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("mra_status_page"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_mra_set_status_page,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


/* in the order in which they run */

static ngx_http_mra_handler_t  ngx_http_mra_handlers[] = {
    { NGX_HTTP_POST_READ_PHASE, ngx_http_mra_banned_handler },
    { NGX_HTTP_PREACCESS_PHASE, ngx_http_mra_banned_handler },
    { NGX_HTTP_PREACCESS_PHASE, ngx_http_mra_target_handler },
    { NGX_HTTP_PREACCESS_PHASE, ngx_http_mra_maintenance_handler },
    { NGX_HTTP_ACCESS_PHASE, ngx_http_mra_access_handler },
    { NGX_HTTP_LOG_PHASE, ngx_http_mra_log_handler },
    { 0, NULL }
};


static ngx_http_module_t  ngx_http_mra_module_ctx = {
    ngx_http_mra_preconfiguration,         /* preconfiguration */
    ngx_http_mra_postconfiguration,        /* postconfiguration */

    ngx_http_mra_create_main_conf,         /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_mra_create_loc_conf,          /* create location configuration */
    ngx_http_mra_merge_loc_conf            /* merge location configuration */
};


ngx_module_t  ngx_http_mra_module = {
    NGX_MODULE_V1,
    &ngx_http_mra_module_ctx,              /* module context */
    ngx_http_mra_commands,                 /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_mra_init_module,              /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static char *
ngx_http_mra_set_auth(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_mra_loc_conf_t *mlcf = conf;

    ngx_str_t  *value;

    if (mlcf->uri.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        mlcf->uri.data = (u_char *) "";
        return NGX_CONF_OK;
    }

    if (value[1].data[0] != '/'
        || ngx_strlchr(value[1].data, value[1].data + value[1].len, '?'))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\", it must be \"off\" or the "
                           "uri of an internal location, as in \"/verify\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    mlcf->uri = value[1];

    ngx_mra_require(cf, "mra_auth");
    ngx_mra_use_service(cf, NGX_MRA_SERVICE_HTTP);

    return NGX_CONF_OK;
}


static char *
ngx_http_mra_set_realm(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_mra_loc_conf_t *mlcf = conf;

    ngx_str_t   *value;
    ngx_uint_t   i;

    if (mlcf->realm.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (i = 0; i < value[1].len; i++) {
        if (value[1].data[i] < ' ' || value[1].data[i] > '~'
            || ngx_strchr("\"\\$", value[1].data[i]))
        {
            break;
        }
    }

    if (value[1].len == 0 || i < value[1].len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\", a realm has printable ASCII "
                           "characters other than quotes, backslashes and "
                           "\"$\": there are no variables in it, give each "
                           "location a realm of its own", &value[1]);
        return NGX_CONF_ERROR;
    }

    mlcf->realm = value[1];

    return NGX_CONF_OK;
}


static char *
ngx_http_mra_set_cookie(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_mra_loc_conf_t *mlcf = conf;

    ngx_str_t              *value;
    ngx_uint_t              i;
    ngx_http_mra_cookie_t  *cookie;

    if (mlcf->cookie != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    cookie = ngx_palloc(cf->pool, sizeof(ngx_http_mra_cookie_t));
    if (cookie == NULL) {
        return NGX_CONF_ERROR;
    }

    *cookie = ngx_http_mra_default_cookie;

    value = cf->args->elts;
    cookie->name = value[1];
    i = 1;

    if (!ngx_http_mra_is_token(&cookie->name)) {
        goto invalid;
    }

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "domain=", 7) == 0) {
            cookie->domain.data = value[i].data + 7;
            cookie->domain.len = value[i].len - 7;

            if (ngx_strcmp(cookie->domain.data, "off") == 0) {
                cookie->domain.len = 0;
                continue;
            }

            if (!ngx_http_mra_is_token(&cookie->domain)) {
                goto invalid;
            }

        } else if (ngx_strcmp(value[i].data, "expires=off") == 0) {
            cookie->expires = 0;

        } else if (ngx_strcmp(value[i].data, "secure=off") == 0) {
            cookie->secure = 0;

        } else if (ngx_strcmp(value[i].data, "httponly=off") == 0) {
            cookie->httponly = 0;

        } else if (ngx_strcmp(value[i].data, "forward=on") == 0) {
            cookie->forward = 1;

        } else if (ngx_strcmp(value[i].data, "expires=on") != 0
                   && ngx_strcmp(value[i].data, "secure=on") != 0
                   && ngx_strcmp(value[i].data, "httponly=on") != 0
                   && ngx_strcmp(value[i].data, "forward=off") != 0)
        {
            goto invalid;
        }
    }

    mlcf->cookie = cookie;

    return NGX_CONF_OK;

invalid:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\", it must be a cookie name, "
                       "then domain=name|off, expires=off, secure=off, "
                       "httponly=off, forward=on, without variables",
                       &value[i]);
    return NGX_CONF_ERROR;
}


/* RFC 9110, 5.6.2, but no "$", which somebody takes for a variable */

static ngx_uint_t
ngx_http_mra_is_token(ngx_str_t *text)
{
    u_char      ch;
    ngx_uint_t  i;

    for (i = 0; i < text->len; i++) {
        ch = text->data[i];

        if (ch <= ' ' || ch >= 0x7f
            || ngx_strchr("\"(),/:;<=>?@[\\]{}$", ch))
        {
            return 0;
        }
    }

    return text->len != 0;
}


static ngx_int_t
ngx_http_mra_preconfiguration(ngx_conf_t *cf)
{
    if (ngx_mra_check_abi(cf, NGX_MRA_ABI, "ngx_http_mra_module") != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_mra_add_variables(cf);
}


static ngx_int_t
ngx_http_mra_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_mra_handler_t  *h;

    for (h = ngx_http_mra_handlers; h->handler; h++) {
        if (ngx_http_mra_add_handler(cf, h) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    ngx_http_mra_verify_filter_init();

    return ngx_http_mra_protect_init(cf);
}


/*
 * Handlers run from the last to the first.  Ours come last, so that "deny"
 * and "limit_req" refuse before anything is counted or asked.
 */

static ngx_int_t
ngx_http_mra_add_handler(ngx_conf_t *cf, ngx_http_mra_handler_t *handler)
{
    ngx_array_t                *handlers;
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    handlers = &cmcf->phases[handler->phase].handlers;

    if (ngx_array_push(handlers) == NULL) {
        return NGX_ERROR;
    }

    h = handlers->elts;

    ngx_memmove(h + 1, h,
                (handlers->nelts - 1) * sizeof(ngx_http_handler_pt));

    *h = handler->handler;

    return NGX_OK;
}


static void *
ngx_http_mra_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_mra_main_conf_t  *mmcf;

    mmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_mra_main_conf_t));
    if (mmcf == NULL) {
        return NULL;
    }

    mmcf->mra = ngx_mra_get_conf(cf->cycle);

    if (ngx_array_init(&mmcf->guarded, cf->pool, 4,
                       sizeof(ngx_http_core_srv_conf_t *))
        != NGX_OK
        || ngx_array_init(&mmcf->ports, cf->pool, 4, sizeof(in_port_t))
           != NGX_OK
        || ngx_array_init(&mmcf->realms, cf->pool, 4, sizeof(ngx_str_t))
           != NGX_OK)
    {
        return NULL;
    }

    ngx_rbtree_init(&mmcf->verifying, &mmcf->sentinel,
                    ngx_str_rbtree_insert_value);

    return mmcf;
}


static void *
ngx_http_mra_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_mra_loc_conf_t  *mlcf;

    mlcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_mra_loc_conf_t));
    if (mlcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     mlcf->uri = { 0, NULL };
     *     mlcf->realm = { 0, NULL };
     *     mlcf->basic = { 0, NULL };
     *     mlcf->bearer = { 0, NULL };
     *     mlcf->failure_header = 0;
     *     mlcf->api = 0;
     *     mlcf->api_write = 0;
     *     mlcf->metrics = 0;
     *     mlcf->page_head = { 0, NULL };
     *     mlcf->page_policy = { 0, NULL };
     */

    mlcf->cookie = NGX_CONF_UNSET_PTR;
    mlcf->limit_status = NGX_CONF_UNSET_UINT;
    mlcf->limit_log_level = NGX_CONF_UNSET_UINT;
    mlcf->limit_dry_run = NGX_CONF_UNSET;
    mlcf->proxy_target = NGX_CONF_UNSET;
    mlcf->allow = NGX_CONF_UNSET_PTR;

    return mlcf;
}


static char *
ngx_http_mra_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_mra_loc_conf_t *prev = parent;
    ngx_http_mra_loc_conf_t *conf = child;

    ngx_conf_merge_str_value(conf->uri, prev->uri, "");
    ngx_conf_merge_str_value(conf->realm, prev->realm, "MRA");

    ngx_conf_merge_ptr_value(conf->cookie, prev->cookie,
                             &ngx_http_mra_default_cookie);

    ngx_conf_merge_uint_value(conf->limit_status, prev->limit_status, 429);
    ngx_conf_merge_uint_value(conf->limit_log_level, prev->limit_log_level,
                              NGX_LOG_ERR);
    ngx_conf_merge_value(conf->limit_dry_run, prev->limit_dry_run, 0);

    ngx_conf_merge_value(conf->proxy_target, prev->proxy_target, 0);
    ngx_conf_merge_ptr_value(conf->allow, prev->allow, NULL);

    ngx_conf_merge_bitmask_value(conf->failure_header, prev->failure_header,
                                 NGX_CONF_BITMASK_SET
                                 |NGX_HTTP_MRA_FAILURE_OFF);

    if ((conf->uri.len || conf->proxy_target)
        && ngx_http_mra_guard(cf) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (conf->uri.len
        && (ngx_http_mra_challenges(cf, conf) != NGX_OK
            || ngx_http_mra_add_realm(cf, &conf->realm) != NGX_OK))
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_mra_challenges(ngx_conf_t *cf, ngx_http_mra_loc_conf_t *mlcf)
{
    size_t  len;

    len = mlcf->realm.len + sizeof("Basic realm=\"\", charset=\"UTF-8\"");

    mlcf->basic.data = ngx_pnalloc(cf->pool, len);
    if (mlcf->basic.data == NULL) {
        return NGX_ERROR;
    }

    mlcf->basic.len = ngx_sprintf(mlcf->basic.data,
                                  "Basic realm=\"%V\", charset=\"UTF-8\"",
                                  &mlcf->realm)
                      - mlcf->basic.data;

    len = mlcf->realm.len
          + sizeof("Bearer realm=\"\", error=\"invalid_token\"");

    mlcf->bearer.data = ngx_pnalloc(cf->pool, len);
    if (mlcf->bearer.data == NULL) {
        return NGX_ERROR;
    }

    mlcf->bearer.len = ngx_sprintf(mlcf->bearer.data,
                                   "Bearer realm=\"%V\", "
                                   "error=\"invalid_token\"", &mlcf->realm)
                       - mlcf->bearer.data;

    return NGX_OK;
}


/* all protection spaces: who is revoked is revoked in each */

static ngx_int_t
ngx_http_mra_add_realm(ngx_conf_t *cf, ngx_str_t *realm)
{
    ngx_str_t                 *known;
    ngx_uint_t                 i;
    ngx_http_mra_main_conf_t  *mmcf;

    mmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_mra_module);
    known = mmcf->realms.elts;

    for (i = 0; i < mmcf->realms.nelts; i++) {
        if (known[i].len == realm->len
            && ngx_memcmp(known[i].data, realm->data, realm->len) == 0)
        {
            return NGX_OK;
        }
    }

    known = ngx_array_push(&mmcf->realms);
    if (known == NULL) {
        return NGX_ERROR;
    }

    *known = *realm;

    return NGX_OK;
}
