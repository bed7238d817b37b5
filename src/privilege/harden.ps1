#Requires -Version 5.1
#Requires -RunAsAdministrator
<#
.SYNOPSIS
A group whose members may run the commands below over WinRM, and are no administrators.

.DESCRIPTION
Printed by fleetstat @VERSION@ (fleetstat harden --platform windows) from its table of commands.
Run it once on each host, or from a start-up script of a group policy:
  -WhatIf          says what it would do, and does nothing
  -Undo            takes back what it gave
  -Member NAME     also puts accounts into the group
  -Ssh             for hosts that are asked over OpenSSH: leaves WinRM as it is
  -GroupSid SID    a group of the domain instead of a local one; needed on domain controllers
Running it again changes nothing.

What it gives the group:
  shell            (A;;GXGR;;;SID) in WinRM's RootSDDL: make a shell and run a program in it. Membership
                   of Remote Management Users does not do: it opens the endpoints of PowerShell, not
                   the shells of WinRS.
                   The right to log on over the network; never at the console, never by Remote Desktop.
  wmi_cimv2, wmi_standardcimv2
                   Enable Account and Remote Enable on these namespaces alone, none below them:
                   see -Namespaces. Execute Methods only with -ExecuteMethods.
What it does not give:
@WITHOUT@

Never set LocalAccountTokenFilterPolicy: it hands every local administrator's full token to the network.

The account: one of the domain, for nothing else. With Kerberos: AES keys only (Set-ADUser NAME
-KerberosEncryptionType AES128,AES256), and no delegation (Set-ADAccountControl NAME
-AccountNotDelegated $true). A group managed service account changes its own password; the controller
must be allowed to fetch it. A local account: a long password of its own on each host.

Firewall: WinRM (5986, or 5985 where every message is sealed) from the controllers alone, e.g.
  Set-NetFirewallRule -Name 'WINRM-HTTP-In-TCP*' -RemoteAddress @FROM@

Group policies win over the local security policy: where they set these rights, set them there.

Every command that may be sent, with the grants it is for:
@COMMANDS@

What it leaves in the host's logs:
@TRACES@
#>
[CmdletBinding(SupportsShouldProcess = $true)]
param(
    [ValidatePattern('^[A-Za-z0-9._-]{1,64}$')][string]$Group = '@GROUP@',
    [ValidatePattern('^S-1-[0-9-]+$')][string]$GroupSid,
    [string[]]$Member = @(),
    [string[]]$Namespaces = @NAMESPACES@,
    [switch]$ExecuteMethods,
    [switch]$Ssh,
    [switch]$Undo
)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

# GENERIC_READ and GENERIC_EXECUTE: 0xA0000000 as a signed number.
$ShellMask = -1610612736
# WBEM_ENABLE and WBEM_REMOTE_ACCESS; WBEM_METHOD_EXECUTE.
$ReadMask = 0x21
$MethodMask = 0x02

function Find-Group {
    if ($GroupSid) {
        return [System.Security.Principal.SecurityIdentifier]::new($GroupSid)
    }
    $found = @(Get-LocalGroup | Where-Object { $_.Name -eq $Group })
    if ($found.Count -gt 0) {
        return $found[0].SID
    }
    if ($Undo -or -not $PSCmdlet.ShouldProcess($Group, 'make the local group')) {
        return $null
    }
    return (New-LocalGroup -Name $Group -Description 'May run the commands of fleetstat' -Confirm:$false).SID
}

# Adds the entry, or with -Undo takes it out. $true where that changed something.
function Edit-Access($Descriptor, $Sid, [int]$Mask) {
    if (-not $Descriptor.IsDiscretionaryAclCanonical) {
        throw 'the access control list is not in canonical order: mend it by hand first'
    }
    $before = $Descriptor.GetSddlForm('Access')
    if ($Undo) {
        [void]$Descriptor.DiscretionaryAcl.RemoveAccess('Allow', $Sid, $Mask, 'None', 'None')
    } else {
        $Descriptor.DiscretionaryAcl.AddAccess('Allow', $Sid, $Mask, 'None', 'None')
    }
    return $Descriptor.GetSddlForm('Access') -cne $before
}

function Edit-Shell($Sid) {
    $path = 'WSMan:\localhost\Service\RootSDDL'
    $before = (Get-Item -Path $path).Value
    $descriptor = [System.Security.AccessControl.CommonSecurityDescriptor]::new($false, $false, $before)
    if (Edit-Access $descriptor $Sid $ShellMask) {
        $after = $descriptor.GetSddlForm('All')
        Write-Output "RootSDDL was $before"
        if ($PSCmdlet.ShouldProcess($path, "set $after")) {
            Set-Item -Path $path -Value $after -Force -Confirm:$false
        }
    }
}

function Edit-Namespace($Namespace, $Sid) {
    # Reading is done with -WhatIf too, or there would be nothing to say.
    $answer = Invoke-CimMethod -Namespace $Namespace -ClassName __SystemSecurity -MethodName GetSD -WhatIf:$false -Confirm:$false
    if ($answer.ReturnValue -ne 0) {
        throw "$Namespace tells no security descriptor: $($answer.ReturnValue)"
    }
    $descriptor = [System.Security.AccessControl.CommonSecurityDescriptor]::new($true, $false, [byte[]]$answer.SD, 0)
    $mask = $ReadMask
    if ($ExecuteMethods -or $Undo) {
        $mask = $ReadMask -bor $MethodMask
    }
    if (Edit-Access $descriptor $Sid $mask) {
        $bytes = [byte[]]::new($descriptor.BinaryLength)
        $descriptor.GetBinaryForm($bytes, 0)
        if ($PSCmdlet.ShouldProcess($Namespace, "set $($descriptor.GetSddlForm('Access'))")) {
            $set = Invoke-CimMethod -Namespace $Namespace -ClassName __SystemSecurity -MethodName SetSD -Arguments @{ SD = $bytes } -Confirm:$false
            if ($set.ReturnValue -ne 0) {
                throw "$Namespace takes no security descriptor: $($set.ReturnValue)"
            }
        }
    }
}

# Who holds a right, as the exported policy says it: SIDs with a star, local names without.
function Get-Holder($Policy, $Right) {
    $line = @($Policy | Where-Object { $_ -match "^$Right\s*=" })
    if ($line.Count -eq 0) {
        return @()
    }
    return @(($line[0] -split '=', 2)[1].Split(',') | ForEach-Object { $_.Trim() } | Where-Object { $_ })
}

function Edit-Right($Sid) {
    $folder = Join-Path ([System.IO.Path]::GetTempPath()) ([guid]::NewGuid().ToString())
    [void](New-Item -ItemType Directory -Path $folder -WhatIf:$false -Confirm:$false)
    try {
        $policy = Join-Path $folder 'policy.inf'
        secedit.exe /export /areas USER_RIGHTS /cfg $policy /quiet | Out-Null
        if ($LASTEXITCODE -ne 0) {
            throw "secedit /export ended with $LASTEXITCODE"
        }
        $text = Get-Content -Path $policy
        $changed = @()
        foreach ($right in 'SeNetworkLogonRight', 'SeDenyInteractiveLogonRight', 'SeDenyRemoteInteractiveLogonRight') {
            $before = @(Get-Holder $text $right)
            $after = @($before | Where-Object { $_ -ne "*$($Sid.Value)" -and $_ -ne $Group })
            if (-not $Undo) {
                $after += "*$($Sid.Value)"
            }
            if ($after.Count -ne $before.Count) {
                $changed += "$right = $($after -join ',')"
            }
        }
        if ($changed.Count -gt 0 -and $PSCmdlet.ShouldProcess('local security policy', "set $($changed -join '; ')")) {
            $lines = @('[Unicode]', 'Unicode=yes', '[Version]', 'signature="$CHICAGO$"', 'Revision=1', '[Privilege Rights]') + $changed
            $file = Join-Path $folder 'rights.inf'
            Set-Content -Path $file -Value $lines -Encoding Unicode -Confirm:$false
            secedit.exe /configure /db (Join-Path $folder 'rights.sdb') /cfg $file /areas USER_RIGHTS /quiet | Out-Null
            if ($LASTEXITCODE -ne 0) {
                throw "secedit /configure ended with $LASTEXITCODE"
            }
        }
    } finally {
        Remove-Item -Path $folder -Recurse -Force -WhatIf:$false -Confirm:$false
    }
}

$Sid = Find-Group
if ($null -eq $Sid) {
    Write-Output "There is no group $Group; nothing else can be said of it."
    return
}
if (-not $Ssh) {
    Edit-Shell $Sid
}
foreach ($namespace in $Namespaces) {
    Edit-Namespace $namespace $Sid
}
Edit-Right $Sid
if ($Undo) {
    if (-not $GroupSid -and $PSCmdlet.ShouldProcess($Group, 'remove the local group')) {
        Remove-LocalGroup -SID $Sid -Confirm:$false
    }
    return
}
if (-not $GroupSid) {
    foreach ($name in $Member) {
        if ($PSCmdlet.ShouldProcess($Group, "add $name")) {
            try {
                Add-LocalGroupMember -SID $Sid -Member $name -Confirm:$false
            } catch [Microsoft.PowerShell.Commands.MemberExistsException] {
                Write-Verbose "$name is in it"
            }
        }
    }
}
