
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <openssl/rand.h>
#include "ngx_mra_core.h"


static ngx_int_t ngx_mra_zone_stores(ngx_conf_t *cf,
    ngx_mra_core_conf_t *mccf);
static ngx_int_t ngx_mra_zone_near(ngx_mra_core_conf_t *mccf);
static ngx_int_t ngx_mra_zone_init(ngx_shm_zone_t *shm_zone, void *data);
static ngx_int_t ngx_mra_zone_create(ngx_mra_core_conf_t *mccf,
    ngx_log_t *log);
static ngx_int_t ngx_mra_zone_check(ngx_mra_zone_t *zone, ngx_log_t *log);


char *
ngx_mra_zone_add(ngx_conf_t *cf, ngx_mra_core_conf_t *mccf)
{
    ngx_str_t             name;
    ngx_cycle_t          *old_cycle;
    ngx_shm_zone_t       *shm_zone;
    ngx_mra_core_conf_t  *old;

    ngx_conf_init_size_value(mccf->zone_size, 32 * 1024 * 1024);

    ngx_str_set(&name, "mra");

    shm_zone = ngx_shared_memory_add(cf, &name, mccf->zone_size,
                                     &ngx_mra_module);
    if (shm_zone == NULL) {
        return NGX_CONF_ERROR;
    }

    shm_zone->init = ngx_mra_zone_init;
    shm_zone->data = mccf;

    if (ngx_mra_zone_stores(cf, mccf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    old_cycle = cf->cycle->old_cycle;

    if (ngx_is_init_cycle(old_cycle)) {
        return NGX_CONF_OK;
    }

    old = ngx_mra_core_conf(old_cycle);
    mccf->old = old;

    if (old && old->enabled && old->zone_size != mccf->zone_size) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"zone\" has changed from %uz to %uz bytes: "
                           "tokens, credentials and limits start anew",
                           old->zone_size, mccf->zone_size);
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_mra_zone_stores(ngx_conf_t *cf, ngx_mra_core_conf_t *mccf)
{
#if (NGX_MRA_HIREDIS)
    ngx_mra_store_t  *far;
#endif

    mccf->shm_store = ngx_mra_shm_create(cf->pool, &mccf->shm,
                                         &cf->cycle->new_log);
    mccf->pub.store = mccf->shm_store;

#if (NGX_MRA_HIREDIS)

    if (mccf->redis && mccf->shm_store) {
        far = ngx_mra_redis_create(cf->pool, mccf->redis);
        if (far == NULL) {
            return NGX_ERROR;
        }

        mccf->near.life = &mccf->shm.life;
        mccf->near.id.data = mccf->near_id;

        mccf->pub.store = ngx_mra_near_create(cf->pool, &mccf->near,
                                              mccf->shm_store, far);
    }

#endif

    return mccf->pub.store ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_mra_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_mra_core_conf_t  *old = data;

    ngx_log_t            *log;
    ngx_mra_core_conf_t  *mccf;

    mccf = shm_zone->data;
    log = shm_zone->shm.log;

    mccf->shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (old) {
        mccf->zone = old->zone;

        if (ngx_mra_zone_check(mccf->zone, log) != NGX_OK) {
            return NGX_ERROR;
        }

    } else if (ngx_mra_zone_create(mccf, log) != NGX_OK) {
        return NGX_ERROR;
    }

    mccf->pub.maintenance = &mccf->zone->node.maintenance;

    if (ngx_mra_zone_near(mccf) != NGX_OK
        || ngx_mra_shm_init(mccf->shm_store, mccf->shpool, &mccf->zone->table)
           != NGX_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "mra zone is too small, increase \"zone\"");
        return NGX_ERROR;
    }

    if (ngx_mra_secret_init(mccf, log) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_mra_protect_init(mccf);
}


/* the zone's name is the node's: two nodes have two zones */

static ngx_int_t
ngx_mra_zone_near(ngx_mra_core_conf_t *mccf)
{
#if (NGX_MRA_HIREDIS)
    ngx_str_t  name;

    if (mccf->redis) {
        name.data = mccf->zone->name;
        name.len = sizeof(mccf->zone->name);

        ngx_encode_base64url(&mccf->near.id, &name);

        return ngx_mra_near_init(mccf->pub.store, mccf->shpool,
                                 &mccf->zone->near);
    }

#endif

    return NGX_OK;
}


static ngx_int_t
ngx_mra_zone_create(ngx_mra_core_conf_t *mccf, ngx_log_t *log)
{
    ngx_mra_zone_t  *zone;

    zone = ngx_slab_calloc(mccf->shpool, sizeof(ngx_mra_zone_t));
    if (zone == NULL) {
        return NGX_ERROR;
    }

    zone->magic = NGX_MRA_ZONE_MAGIC;
    zone->version = NGX_MRA_ZONE_VERSION;
    zone->size = sizeof(ngx_mra_zone_t);

    if (RAND_bytes(zone->random, sizeof(zone->random)) != 1
        || RAND_bytes(zone->name, sizeof(zone->name)) != 1)
    {
        ngx_log_error(NGX_LOG_EMERG, log, 0, "RAND_bytes() failed");
        return NGX_ERROR;
    }

    mccf->zone = zone;

    ngx_mra_node_init(mccf);

    /*
     * A worker killed on its way from the lock to the semaphore would leave
     * the one that waits for it asleep for good: who waits yields instead,
     * which is enough for what lasts as long as one look-up.
     */

#if (NGX_HAVE_POSIX_SEM)
    mccf->shpool->mutex.semaphore = 0;
#endif

    /* whoever finds no memory says so */

    mccf->shpool->log_nomem = 0;

    return NGX_OK;
}


/* the modules on disk may be newer than what the zone was made by */

static ngx_int_t
ngx_mra_zone_check(ngx_mra_zone_t *zone, ngx_log_t *log)
{
    if (zone->magic == NGX_MRA_ZONE_MAGIC
        && zone->version == NGX_MRA_ZONE_VERSION
        && zone->size == sizeof(ngx_mra_zone_t))
    {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, log, 0,
                  "mra zone was made by another version of "
                  "\"ngx_mra_module\", restart nginx, a reload is not "
                  "enough");

    return NGX_ERROR;
}
