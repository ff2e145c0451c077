from django.db import migrations, models


def settings_of_their_own(apps, schema_editor):
    """Move what was SAML's alone out of the providers' table, and count what was known as confirmed when last seen."""
    Provider = apps.get_model('directory', 'IdentityProvider')
    Settings = apps.get_model('directory', 'SamlSettings')
    for provider in Provider.objects.filter(kind='saml'):
        Settings.objects.create(
            provider=provider,
            entity_id=provider.entity_id,
            metadata=provider.metadata,
            allow_aes_cbc=provider.allow_aes_cbc,
            max_assertion_minutes=provider.max_assertion_minutes,
        )
    Identity = apps.get_model('directory', 'ExternalIdentity')
    Identity.objects.update(confirmed_at=models.F('last_seen_at'))


def back(apps, schema_editor):
    """Nothing: the fields are empty again, and providers must be given their metadata anew."""


class Migration(migrations.Migration):

    dependencies = [
        ('directory', '0003_identity'),
    ]

    operations = [
        migrations.RunPython(settings_of_their_own, back),
    ]
